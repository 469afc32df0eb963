//! Numbers and tables as they are printed.

/// The beginning of what somebody else wrote, at most some sixty characters.
pub fn excerpt(text: &str) -> String {
    let mut letters = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let start: String = letters.by_ref().take(60).collect();
    if letters.next().is_some() { start + "…" } else { start }
}
