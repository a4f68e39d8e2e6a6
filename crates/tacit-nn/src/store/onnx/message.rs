//! The messages of ONNX, written directly.
//!
//! The numbers are those of the fields in `onnx.proto`. Nothing is read here, so the wire format
//! of Protocol Buffers comes down to two kinds of field: numbers, and bytes with their length.

/// The version of the operators.
const OPSET: u64 = 18;
/// The version of the file format that came with opset 18.
const IR_VERSION: u64 = 8;
const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// A message under construction.
#[derive(Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn number(&mut self, field: u64, value: u64) -> &mut Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    pub(super) fn bytes(&mut self, field: u64, value: &[u8]) -> &mut Self {
        self.varint(field << 3 | 2);
        self.varint(value.len() as u64);
        self.0.extend_from_slice(value);
        self
    }

    fn message(&mut self, field: u64, value: &Message) -> &mut Self {
        self.bytes(field, &value.0)
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }
}

/// A graph of operators under construction.
#[derive(Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    initializers: Vec<Message>,
}

struct Node {
    operation: String,
    inputs: Vec<String>,
    output: String,
    attributes: Vec<Message>,
}

impl Node {
    fn message(&self) -> Message {
        let Node {
            operation, output, ..
        } = self;
        let mut node = Message::default();
        for input in &self.inputs {
            node.bytes(1, input.as_bytes());
        }
        node.bytes(2, output.as_bytes())
            .bytes(3, format!("{operation}.{output}").as_bytes())
            .bytes(4, operation.as_bytes());
        for attribute in &self.attributes {
            node.message(5, attribute);
        }
        node
    }
}

impl Graph {
    /// An operator from values to a value; its attributes are lists of whole numbers.
    pub(super) fn node(
        &mut self,
        operation: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, &[usize])],
    ) {
        const INTS: u64 = 7;
        let attributes = attributes.iter().map(|(name, values)| {
            let mut attribute = Message::default();
            attribute.bytes(1, name.as_bytes());
            for &value in *values {
                attribute.number(8, value as u64);
            }
            attribute.number(20, INTS);
            attribute
        });
        self.nodes.push(Node {
            operation: operation.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: output.to_owned(),
            attributes: attributes.collect(),
        });
    }

    /// Gives the last operator's output another name.
    pub(super) fn name_last(&mut self, output: &str) {
        if let Some(node) = self.nodes.last_mut() {
            node.output = output.to_owned();
        }
    }

    /// A tensor of weights.
    pub(super) fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.tensor(name, shape, FLOAT, raw);
    }

    /// A vector of whole numbers.
    pub(super) fn integers(&mut self, name: &str, values: &[usize]) {
        let raw = values.iter().flat_map(|&v| (v as i64).to_le_bytes());
        self.tensor(name, &[values.len()], INT64, raw.collect());
    }

    fn tensor(&mut self, name: &str, shape: &[usize], kind: u64, raw: Vec<u8>) {
        let mut tensor = Message::default();
        for &size in shape {
            tensor.number(1, size as u64);
        }
        tensor
            .number(2, kind)
            .bytes(8, name.as_bytes())
            .bytes(9, &raw);
        self.initializers.push(tensor);
    }

    /// The model, between an input and an output that are rows of so many columns.
    pub(super) fn model(self, name: &str, input: (&str, usize), output: (&str, usize)) -> Vec<u8> {
        let mut graph = Message::default();
        for node in &self.nodes {
            graph.message(1, &node.message());
        }
        graph.bytes(2, name.as_bytes());
        for initializer in &self.initializers {
            graph.message(5, initializer);
        }
        graph
            .message(11, &rows(input.0, input.1))
            .message(12, &rows(output.0, output.1));
        let mut opset = Message::default();
        opset.bytes(1, b"").number(2, OPSET);
        let mut model = Message::default();
        model
            .number(1, IR_VERSION)
            .bytes(2, b"tacit")
            .message(7, &graph)
            .message(8, &opset);
        model.0
    }
}

/// A value `[N, columns]`, N free.
fn rows(name: &str, columns: usize) -> Message {
    let (mut count, mut width, mut shape) = <(Message, Message, Message)>::default();
    count.bytes(2, b"N");
    width.number(1, columns as u64);
    shape.message(1, &count).message(1, &width);
    let (mut of_tensor, mut kind, mut info) = <(Message, Message, Message)>::default();
    of_tensor.number(1, FLOAT).message(2, &shape);
    kind.message(1, &of_tensor);
    info.bytes(1, name.as_bytes()).message(2, &kind);
    info
}
