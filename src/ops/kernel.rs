//! Kernel calls: which shader runs on which operands, with which constants.

/// The invocations of a workgroup in per-element kernels.
pub const WORKGROUP_SIZE: u32 = 64;

/// WebGPU's default limit on workgroups in one dimension.
pub const MAX_WORKGROUPS: u32 = 65_535;

/// A tensor of the operation that a kernel binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    Input(usize),
    Output(usize),
    Workspace(usize),
}

/// The bytes of a kernel's uniform `params`, and the fields they are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    pub bytes: Vec<u8>,
    /// Name of the WGSL struct; equal to that of the Rust mirror.
    pub name: &'static str,
    /// (name, offset in bytes): tests hold them equal to the shader's.
    pub fields: &'static [(&'static str, usize)],
}

/// One dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelCall {
    /// File stem, entry point and label.
    pub shader: &'static str,
    /// Pipeline-overridable constants.
    pub constants: Vec<(&'static str, f64)>,
    pub params: Params,
    /// Bindings 1, 2, … of group 0, in order; binding 0 is `params`.
    pub operands: Vec<Operand>,
    pub workgroups: [u32; 3],
}

/// Workgroups that cover `count` elements, in as few rows as fit the dispatch
/// limit, and the number of invocations in one row.
///
/// Panics above 2^38 elements, far beyond what a tensor may hold.
pub fn linear_workgroups(count: usize, workgroup_size: u32) -> ([u32; 3], u32) {
    let groups = count.div_ceil(workgroup_size as usize).max(1);
    let rows = groups.div_ceil(MAX_WORKGROUPS as usize);
    let columns = groups.div_ceil(rows);
    let columns = u32::try_from(columns).expect("a row fits the dispatch limit");
    let rows = u32::try_from(rows).expect("the rows fit the dispatch limit");
    assert!(
        rows <= MAX_WORKGROUPS,
        "{count} elements do not fit one dispatch"
    );
    ([columns, rows, 1], columns * workgroup_size)
}

/// Declares the Rust mirror of a shader's `params` struct.
macro_rules! params {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
        struct $name {
            $($field: $type),+
        }

        impl $name {
            fn params(&self) -> $crate::ops::Params {
                $crate::ops::Params {
                    bytes: bytemuck::bytes_of(self).to_vec(),
                    name: stringify!($name),
                    fields: &[$((stringify!($field), std::mem::offset_of!($name, $field))),+],
                }
            }
        }
    };
}
pub(crate) use params;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_tensors_take_several_rows_of_workgroups() {
        assert_eq!(linear_workgroups(1, 64), ([1, 1, 1], 64));
        assert_eq!(linear_workgroups(65, 64), ([2, 1, 1], 128));
        // VGG16's first ReLU at batch 64.
        let ([x, y, z], row_length) = linear_workgroups(4_194_304, 64);
        assert!(x <= MAX_WORKGROUPS && y == 2 && z == 1);
        assert!(u64::from(row_length) * u64::from(y) >= 4_194_304);
    }
}
