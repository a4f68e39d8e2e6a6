//! On what kind of machine a run was measured.

/// Facts that make a measurement comparable: operating system, architecture, processor, logical
/// cores. Nothing that names the machine, its owner or its place.
pub fn machine_facts() -> Vec<(String, String)> {
    let mut facts = vec![(
        "system".to_owned(),
        format!("{}, {}", std::env::consts::OS, std::env::consts::ARCH),
    )];
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if let Some(model) = processor(&cpuinfo) {
        facts.push(("processor".to_owned(), model));
    }
    if let Ok(cores) = std::thread::available_parallelism() {
        facts.push(("logical cores used".to_owned(), cores.to_string()));
    }
    facts
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo
        .lines()
        .find(|line| line.starts_with("model name"))?;
    let (_, model) = line.split_once(':')?;
    let model = model.split_whitespace().collect::<Vec<_>>().join(" ");
    (!model.is_empty()).then_some(model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let cpuinfo = "processor : 0\nmodel name\t: A  CPU @ 2 GHz\nmodel name\t: B\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("A CPU @ 2 GHz"));
        assert_eq!(processor(""), None);
        assert_eq!(processor("model name\t:\n"), None);
    }
}
