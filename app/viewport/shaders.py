"""GLSL 1.20 (no geometry shaders): the surface, its wire lines, the ghost, the ground, and the cameras' pictures.

Everything is lit in world space by a key light that follows the eye, a sky from +y, and a rim: a shape reads from
any side, in either theme. Colours come as sRGB and are shaded there, as the pictures in the panes are shown.
"""

SURFACE_VERTEX = """
attribute vec3 a_position;
attribute vec3 a_normal;
attribute vec3 a_colour;
attribute float a_value;
uniform mat4 u_model;
uniform mat4 u_clip;
varying vec3 v_world;
varying vec3 v_normal;
varying vec3 v_colour;
varying float v_value;
void main() {
    vec4 world = u_model * vec4(a_position, 1.0);
    v_world = world.xyz;
    v_normal = mat3(u_model[0].xyz, u_model[1].xyz, u_model[2].xyz) * a_normal;
    v_colour = a_colour;
    v_value = a_value;
    gl_Position = u_clip * world;
}
"""

GHOST_VERTEX = """
attribute vec3 a_position;
attribute vec3 a_normal;
uniform mat4 u_clip;
varying vec3 v_world;
varying vec3 v_normal;
void main() {
    v_world = a_position;
    v_normal = a_normal;
    gl_Position = u_clip * vec4(a_position, 1.0);
}
"""

# Both sides are lit. Which one is seen the triangle itself decides, by screen derivatives: at a rim the interpolated
# normal may point away though its triangle does not. It also stands in for a normal whose faces cancel.
_FACING = """
vec3 facing(vec3 normal, vec3 world, vec3 to_eye) {
    vec3 face = cross(dFdx(world), dFdy(world));
    if (dot(face, to_eye) < 0.0) face = -face;
    vec3 n = dot(normal, normal) < 1e-12 ? face : normal;
    return normalize(dot(n, face) < 0.0 ? -n : n);
}
"""

SURFACE_FRAGMENT = (
    """
uniform vec3 u_eye;
uniform vec3 u_light;
uniform float u_mode;        // 0 gradient, 1 vertex colours, 2 normals, 3 one colour
uniform vec3 u_colour;
uniform vec2 u_range;        // of log10 |dL/dv|
uniform float u_rim;
uniform sampler2D u_map;
uniform vec2 u_map_ends;     // the part of the map that is used
varying vec3 v_world;
varying vec3 v_normal;
varying vec3 v_colour;
varying float v_value;
"""
    + _FACING
    + """
void main() {
    vec3 to_eye = normalize(u_eye - v_world);
    vec3 n = facing(v_normal, v_world, to_eye);
    float key = max(0.0, dot(n, u_light));
    float sky = 0.5 + 0.5 * n.y;
    float rim = pow(1.0 - max(0.0, dot(n, to_eye)), 3.0);
    vec3 base = u_colour;
    if (u_mode < 0.5) {
        float t = clamp((v_value - u_range.x) / max(u_range.y - u_range.x, 1e-6), 0.0, 1.0);
        base = texture2D(u_map, vec2(mix(u_map_ends.x, u_map_ends.y, t), 0.5)).rgb;
    } else if (u_mode < 1.5) {
        base = pow(clamp(v_colour, 0.0, 1.0), vec3(0.4545));
    } else if (u_mode < 2.5) {
        base = 0.5 + 0.5 * n;
    }
    vec3 lit = base * (0.50 + 0.42 * key + 0.26 * sky) + rim * sky * u_rim;
    gl_FragColor = vec4(min(lit, 1.0), 1.0);
}
"""
)

GHOST_FRAGMENT = (
    """
uniform vec3 u_eye;
uniform vec3 u_colour;
uniform float u_strength;
varying vec3 v_world;
varying vec3 v_normal;
"""
    + _FACING
    + """
void main() {
    vec3 to_eye = normalize(u_eye - v_world);
    float facing_eye = max(0.0, dot(facing(v_normal, v_world, to_eye), to_eye));
    float fresnel = pow(1.0 - facing_eye, 1.6);
    gl_FragColor = vec4(u_colour, u_strength * clamp(0.07 + 0.85 * fresnel, 0.0, 1.0));
}
"""
)

WIRE_VERTEX = """
attribute vec3 a_position;
uniform mat4 u_model;
uniform mat4 u_clip;
varying vec3 v_world;
void main() {
    vec4 world = u_model * vec4(a_position, 1.0);
    v_world = world.xyz;
    gl_Position = u_clip * world;
}
"""

WIRE_FRAGMENT = """
uniform vec4 u_colour;
varying vec3 v_world;
void main() {
    gl_FragColor = u_colour;
}
"""

GROUND_VERTEX = """
attribute vec3 a_position;
uniform mat4 u_clip;
uniform float u_height;
varying vec2 v_ground;
void main() {
    v_ground = a_position.xz;
    gl_Position = u_clip * vec4(a_position + vec3(0.0, u_height, 0.0), 1.0);
}
"""

GROUND_FRAGMENT = """
uniform vec3 u_colour;
uniform float u_radius;
varying vec2 v_ground;
void main() {
    float fade = clamp(1.0 - length(v_ground) / u_radius, 0.0, 1.0);
    gl_FragColor = vec4(u_colour, 0.9 * pow(fade, 1.2));
}
"""

LINE_VERTEX = """
attribute vec3 a_position;
attribute vec4 a_colour;
uniform mat4 u_clip;
varying vec4 v_colour;
void main() {
    v_colour = a_colour;
    gl_Position = u_clip * vec4(a_position, 1.0);
}
"""

LINE_FRAGMENT = """
varying vec4 v_colour;
void main() { gl_FragColor = v_colour; }
"""

PICTURE_VERTEX = """
attribute vec3 a_position;
attribute vec2 a_texture;
attribute float a_opacity;
uniform mat4 u_clip;
varying vec2 v_texture;
varying float v_opacity;
void main() {
    v_texture = a_texture;
    v_opacity = a_opacity;
    gl_Position = u_clip * vec4(a_position, 1.0);
}
"""

PICTURE_FRAGMENT = """
uniform sampler2D u_picture;
varying vec2 v_texture;
varying float v_opacity;
void main() { gl_FragColor = vec4(texture2D(u_picture, v_texture).rgb, v_opacity); }
"""

SLICE_VERTEX = """
attribute vec3 a_position;
attribute vec2 a_texture;
uniform mat4 u_clip;
varying vec2 v_texture;
void main() {
    v_texture = a_texture;
    gl_Position = u_clip * vec4(a_position, 1.0);
}
"""

SLICE_FRAGMENT = """
uniform sampler2D u_picture;
varying vec2 v_texture;
void main() {
    vec2 across = dFdx(v_texture) / 3.0, down = dFdy(v_texture) / 3.0;
    vec4 sum = vec4(0.0);
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            sum += texture2D(u_picture, v_texture + float(i) * across + float(j) * down);
    gl_FragColor = sum / 9.0;
}
"""
"""Nine samples a pixel: thin lines stay lines on a plane that is seen from the side."""


def cut_away(fragment: str) -> str:
    """A fragment shader with "v_world" that leaves out what u_cut cuts away. A program of its own: with a discard in it,
    software GL can no longer skip hidden fragments early."""
    kept = "void main() {\n    if (dot(u_cut, vec4(v_world, 1.0)) > 0.0) discard;"
    return "uniform vec4 u_cut;\n" + fragment.replace("void main() {", kept)
