//! The rope as padded arrays of coordinates: a time step is one pass over whole vectors, and one over what it has left.

use emeuro_apps::Rope;
use pulp::{Arch, Simd, WithSimd};

use crate::real::{Real, inverse_sqrt, mul_add};

const VERTICES: usize = Rope::VERTICES;
/// Vertices with those that fill the last vector of 16; they move in some way and nobody looks.
const PADDED: usize = VERTICES.next_multiple_of(16);

/// A coordinate of the anchor (last element of the first 16) and of all vertices behind it.
///
/// Vertices begin where a vector does; only the view of every vertex's upper neighbour is not aligned.
#[repr(align(64))]
struct Line<T>([T; 16 + PADDED]);

impl<T: Real> Line<T> {
    fn new(values: &[T]) -> Self {
        let mut line = Self([T::default(); 16 + PADDED]);
        line.0[16..][..VERTICES].copy_from_slice(values);
        line
    }

    /// Element i is vertex i.
    #[inline(always)]
    fn vertices(&self) -> &[T; PADDED] {
        self.0[16..].try_into().expect("PADDED elements follow")
    }

    /// Element i is what vertex i hangs on.
    #[inline(always)]
    fn above(&self) -> &[T; PADDED] {
        self.0[15..][..PADDED].try_into().expect("PADDED elements follow")
    }

    #[inline(always)]
    fn vertices_mut(&mut self) -> &mut [T; PADDED] {
        (&mut self.0[16..]).try_into().expect("PADDED elements follow")
    }
}

pub(super) fn plan<T: Real>() -> impl FnMut(&[T], &mut [T]) + Send + 'static {
    let arch = Arch::new();
    move |input, output| arch.dispatch(Swing { input, output })
}

/// A type and not a closure: only a function that must be inlined takes on the vector instructions of its caller.
struct Swing<'a, T> {
    input: &'a [T],
    output: &'a mut [T],
}

impl<T: Real> WithSimd for Swing<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let part = |k: usize| Line::new(&self.input[k * VERTICES..][..VERTICES]);
        let (mut x, mut y, mut vx, mut vy) = (part(0), part(1), part(2), part(3));
        // Springs pull at the vertex below; the one behind the last vertex does not exist, and its pull stays 0.
        let mut pull = [Pull([T::default(); PADDED + 16]), Pull([T::default(); PADDED + 16])];
        for _ in 0..Rope::STEPS {
            springs(simd, [&x, &y, &vx, &vy], &mut pull);
            motion(simd, &pull[0], T::default(), &mut vx, &mut x);
            motion(simd, &pull[1], T::of(Rope::GRAVITY), &mut vy, &mut y);
        }
        let (dx, dy) = self.output.split_at_mut(VERTICES);
        for i in 0..VERTICES {
            dx[i] = x.vertices()[i] - self.input[i];
            dy[i] = y.vertices()[i] - self.input[VERTICES + i];
        }
    }
}

/// Element i: the pull of the spring above vertex i, on the vertex above.
#[repr(align(64))]
struct Pull<T>([T; PADDED + 16]);

#[inline(always)]
fn springs<S: Simd, T: Real>(simd: S, [x, y, vx, vy]: [&Line<T>; 4], pull: &mut [Pull<T>; 2]) {
    let (stiffness, friction) = (T::of(Rope::STIFFNESS), T::of(Rope::SPRING_FRICTION));
    let at_rest = T::of(Rope::STIFFNESS * Rope::REST_LENGTH);
    // Two vertices in one place have no direction to push to; the bound keeps 0/0 away.
    let least = T::of(1e-24);
    let [pull_x, pull_y] = pull;
    let (pull_x, pull_y) = (&mut pull_x.0[..PADDED], &mut pull_y.0[..PADDED]);
    let (x0, x1, y0, y1) = (x.above(), x.vertices(), y.above(), y.vertices());
    let (vx0, vx1, vy0, vy1) = (vx.above(), vx.vertices(), vy.above(), vy.vertices());
    for i in 0..PADDED {
        let (dx, dy) = (x1[i] - x0[i], y1[i] - y0[i]);
        let per_length = inverse_sqrt(simd, mul_add(simd, dx, dx, dy * dy).larger(least));
        let tension = mul_add(simd, -at_rest, per_length, stiffness);
        pull_x[i] = mul_add(simd, tension, dx, friction * (vx1[i] - vx0[i]));
        pull_y[i] = mul_add(simd, tension, dy, friction * (vy1[i] - vy0[i]));
    }
    for pull in [pull_x, pull_y] {
        pull[VERTICES..].fill(T::default());
    }
}

/// Semi-implicit Euler: velocity first, then position with the new velocity.
#[inline(always)]
fn motion<S: Simd, T: Real>(simd: S, pull: &Pull<T>, gravity: T, v: &mut Line<T>, x: &mut Line<T>) {
    let (own, below) = (&pull.0[..PADDED], &pull.0[1..][..PADDED]);
    let (v, x) = (v.vertices_mut(), x.vertices_mut());
    let step = T::of(Rope::STEP);
    let per_force = T::of(Rope::STEP / Rope::MASS);
    let kept = T::of(1.0 - Rope::AIR_FRICTION * Rope::STEP / Rope::MASS);
    for i in 0..PADDED {
        let faster = mul_add(simd, v[i], kept, -(gravity * step));
        v[i] = mul_add(simd, below[i] - own[i], per_force, faster);
        x[i] = mul_add(simd, v[i], step, x[i]);
    }
}
