//! What measurements were made on.

/// The processor's name, or its architecture where the system does not say more.
pub(crate) fn name() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |key: &str| {
        let line =
            cpuinfo.lines().find(|line| line.split(':').next().is_some_and(|name| name.trim() == key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let Some(name) = field("model name") else { return std::env::consts::ARCH.to_owned() };
    // Virtual machines hide the product behind a general name; family and model tell the generation.
    match (field("cpu family"), field("model")) {
        (Some(family), Some(model)) => format!("{name}, family {family} model {model}"),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_has_a_name() {
        assert!(!super::name().trim().is_empty());
    }
}
