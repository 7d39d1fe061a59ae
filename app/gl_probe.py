"""Ask the display for its OpenGL renderer: `python -m app.gl_probe` prints one line. Run as a process of its own, since
a broken driver ends the process that asks.
"""

from __future__ import annotations

import sys


def renderer() -> str:
    """Vendor, renderer and version of an offscreen OpenGL context."""
    from OpenGL import GL
    from PyQt6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

    application = QGuiApplication(sys.argv[:1])
    surface = QOffscreenSurface()
    surface.create()
    context = QOpenGLContext()
    if not context.create() or not context.makeCurrent(surface):
        return f"no OpenGL context ({application.platformName()})"
    words = [GL.glGetString(name) for name in (GL.GL_VENDOR, GL.GL_RENDERER, GL.GL_VERSION)]
    context.doneCurrent()
    from app.viewport.canvas import opengl_problem

    problem = opengl_problem()
    found = ", ".join(word.decode("utf-8", "replace") for word in words if word)
    return f"{found} (NOT ENOUGH for the 3D view: {problem})" if problem else found


if __name__ == "__main__":
    print(renderer())
