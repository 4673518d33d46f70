//! Values as parts of frames.

/// A value that is always the same number of numbers.
///
/// ```
/// use emeuro_regions::Frame;
/// #[derive(Frame, Debug, PartialEq)]
/// struct State { position: [f64; 2], speed: f32 }
/// let mut values = [0.0; State::SIZE];
/// State { position: [1.0, 2.0], speed: 3.0 }.write(&mut values);
/// assert_eq!(values, [1.0, 2.0, 3.0]);
/// assert_eq!(State::read(&values), State { position: [1.0, 2.0], speed: 3.0 });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a frame",
    label = "expected f32, f64, arrays or tuples of them, or structs that derive `emeuro_regions::Frame`"
)]
pub trait Frame {
    /// How many numbers.
    const SIZE: usize;

    /// Writes the numbers into `values`, which has [`SIZE`](Self::SIZE) places.
    fn write(&self, values: &mut [f64]);

    /// The value of the numbers in `values`, which has [`SIZE`](Self::SIZE) places.
    fn read(values: &[f64]) -> Self;
}

impl Frame for f64 {
    const SIZE: usize = 1;

    fn write(&self, values: &mut [f64]) {
        values[0] = *self;
    }

    fn read(values: &[f64]) -> Self {
        values[0]
    }
}

impl Frame for f32 {
    const SIZE: usize = 1;

    fn write(&self, values: &mut [f64]) {
        values[0] = f64::from(*self);
    }

    fn read(values: &[f64]) -> Self {
        values[0] as f32
    }
}

impl<T: Frame, const N: usize> Frame for [T; N] {
    const SIZE: usize = N * T::SIZE;

    fn write(&self, values: &mut [f64]) {
        write_slice(self, values);
    }

    fn read(values: &[f64]) -> Self {
        std::array::from_fn(|index| T::read(&values[index * T::SIZE..][..T::SIZE]))
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Frame),+> Frame for ($($name,)+) {
            const SIZE: usize = 0 $(+ $name::SIZE)+;

            #[allow(non_snake_case)]
            fn write(&self, values: &mut [f64]) {
                let ($($name,)+) = self;
                let mut start = 0;
                $(
                    $name.write(&mut values[start..start + $name::SIZE]);
                    start += $name::SIZE;
                )+
                let _ = start;
            }

            fn read(values: &[f64]) -> Self {
                let mut start = 0;
                let made = ($({
                    let part = &values[start..start + $name::SIZE];
                    start += part.len();
                    $name::read(part)
                },)+);
                let _ = start;
                made
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);

/// Writes the numbers of all `items` into `values`, one after the other.
pub fn write_slice<T: Frame>(items: &[T], values: &mut [f64]) {
    for (item, part) in items.iter().zip(values.chunks_exact_mut(T::SIZE)) {
        item.write(part);
    }
}

/// Replaces all `items` by what is in `values`, one after the other.
pub fn read_slice<T: Frame>(values: &[f64], items: &mut [T]) {
    for (item, part) in items.iter_mut().zip(values.chunks_exact(T::SIZE)) {
        *item = T::read(part);
    }
}

/// A named part of a region's frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Name of the parameter, or `result`.
    pub name: &'static str,
    /// How many numbers.
    pub size: usize,
}

/// How many numbers the parts have in all.
pub const fn size(parts: &[Part]) -> usize {
    let (mut sum, mut index) = (0, 0);
    while index < parts.len() {
        sum += parts[index].size;
        index += 1;
    }
    sum
}
