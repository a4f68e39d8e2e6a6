//! Where in a network a parameter is.

/// The way to a parameter while a network is walked: `blocks.3.first.weight`.
///
/// The walk names the variant of an enumeration as well, which says nothing that the names around
/// it do not say, and is left out.
#[derive(Debug, Default)]
pub(crate) struct ModulePath(Vec<String>);

impl ModulePath {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        if !is_enumeration(container) {
            self.0.push(name.to_owned());
        }
    }

    pub(crate) fn exit(&mut self, container: &str) {
        if !is_enumeration(container) {
            self.0.pop();
        }
    }

    pub(crate) fn text(&self) -> String {
        self.0.join(".")
    }
}

fn is_enumeration(container: &str) -> bool {
    container.starts_with("Enum:")
}
