//! Made-up step times.

/// 200 steps of 8 GPUs in milliseconds, the sixth of them 1.5 times as slow.
pub fn eight_gpus() -> String {
    let mut text = "step,gpu,iter_time_ms\n".to_string();
    let mut state = 1u64;
    for step in 0..200 {
        for gpu in 0..8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let noise = (state >> 40) as f64 / (1u64 << 24) as f64;
            let slow = if gpu == 5 { 1.5 } else { 1.0 };
            text += &format!("{step},{gpu},{:.2}\n", slow * (250.0 + 40.0 * noise));
        }
    }
    text
}
