"""A program whose home may not be looked into: what is kept where, and a window on a scripted engine.

    HOME=LOCKED python -m tests.hostile.locked_out

Root may look into everything; here it gives up just that right (CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH), so that a
home of another user's with mode 700 is as closed as it is to anybody else.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

VERSION_3 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3: two words of 32 capabilities each."""
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Words(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def obey_permissions() -> None:
    """From now on root needs the permissions that others need. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, words = _Header(VERSION_3, 0), (_Words * 2)()
    if libc.capget(ctypes.byref(header), words):
        raise OSError(ctypes.get_errno(), "capget")
    kept = ~(1 << DAC_OVERRIDE | 1 << DAC_READ_SEARCH)
    words[0].effective &= kept
    words[0].permitted &= kept
    if libc.capset(ctypes.byref(header), words):
        raise OSError(ctypes.get_errno(), "capset")


def main() -> int:
    if os.geteuid() == 0:
        obey_permissions()
    home = Path(os.environ["HOME"])
    try:
        (home / "any").stat()
    except PermissionError:
        print("locked", flush=True)
    from core.doctor import folder_lines
    from core.engine import caches

    caches.configure()
    for name, state in folder_lines():
        print(f"{name}: {state}", flush=True)
    from tests.hostile.scripted import scripted_client
    from tests.hostile.stage import Stage, application

    kept = application()
    stage = Stage(home / ".config", scripted_client)
    window = stage.window
    window.settings.folder = str(home / "pictures")
    window.settings.add_recent(str(home / "pictures" / "a.ply"))
    window.restore_layout()
    shown = stage.wait(lambda: window.controller.shown is not None, 60.0)
    print(f"opened: {shown}, dialogs begin in {window.settings.folder}, recent: {window.settings.recent}", flush=True)
    print(f"opens: {window.files.open_path(home / 'pictures' / 'a.ply')}", flush=True)
    stage.close()
    del kept
    return 0


if __name__ == "__main__":
    sys.exit(main())
