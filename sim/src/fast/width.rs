//! How wide are this machine's vectors? The same plain loop, compiled for each width, and the widest chosen at run time.
//!
//! Loops over independent iterations become vector code by themselves; only the width is the compiler's to be told. The
//! results are the same bits at every width, for nothing is fused and nothing is added in another order: a test runs
//! every width that the machine has.

/// An instruction set for which the kernels are compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Width {
    /// What every processor of the architecture has: 128 bits on x86-64 (SSE2) and aarch64 (NEON).
    Base,
    /// 256 bits: AVX2.
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// 512 bits: AVX-512 F, BW, CD, DQ, VL.
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

/// Something to be compiled for every width. Its `call` and all that it calls must be inlined: what stays a call of its
/// own is compiled for the narrowest.
pub(crate) use pulp::NullaryFnOnce as Kernel;

impl Width {
    /// All that this machine has, the widest first.
    pub(crate) fn all() -> Vec<Width> {
        #[cfg(target_arch = "x86_64")]
        let wide =
            pulp::x86::V4::try_new().map(Width::Avx512).into_iter().chain(pulp::x86::V3::try_new().map(Width::Avx2));
        #[cfg(not(target_arch = "x86_64"))]
        let wide = [];
        wide.into_iter().chain([Width::Base]).collect()
    }

    /// The widest that this machine has.
    pub(crate) fn widest() -> Width {
        Width::all()[0]
    }

    /// Runs the kernel.
    #[inline]
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            Width::Base => kernel.call(),
            #[cfg(target_arch = "x86_64")]
            Width::Avx2(cpu) => cpu.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Width::Avx512(cpu) => cpu.vectorize(kernel),
        }
    }
}
