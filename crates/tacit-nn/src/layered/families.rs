//! Architectures that need no list of blocks.

use super::{Architecture, Block, Shape};
use crate::error::NnError;

/// Pictures whose smaller side is below this keep their size in the stem.
const LARGE: usize = 64;

impl Architecture {
    /// Dense layers of these sizes, inputs first and outputs last, ReLU between them.
    pub fn mlp(sizes: &[usize]) -> Result<Self, NnError> {
        let last = sizes.len().saturating_sub(2);
        Architecture {
            input: Shape::Flat(sizes.first().copied().unwrap_or(0)),
            blocks: sizes
                .iter()
                .skip(1)
                .enumerate()
                .map(|(i, &outputs)| Block::Dense {
                    outputs,
                    relu: i != last,
                })
                .collect(),
        }
        .checked()
    }

    /// A small convolutional network: 5 × 5 to 8 channels, pool, 3 × 3 to 16 channels, pool, dense
    /// 64, classes.
    pub fn convnet(input: Shape, classes: usize) -> Result<Self, NnError> {
        let convolution = |channels, kernel| Block::Convolution {
            channels,
            kernel,
            stride: 1,
            norm: false,
            relu: true,
        };
        Architecture {
            input,
            blocks: vec![
                convolution(8, 5),
                Block::MaxPool { side: 2 },
                convolution(16, 3),
                Block::MaxPool { side: 2 },
                Block::Dense {
                    outputs: 64,
                    relu: true,
                },
                classifier(classes),
            ],
        }
        .checked()
    }

    /// The residual networks of He et al. (2016) for small pictures: 16, 32 and 64 channels, with n
    /// blocks each at depth 6n + 2 (8, 14, 20, 32, 44, 56, 110), and 1 × 1 convolutions on the
    /// residual edges where channels change.
    pub fn resnet_cifar(depth: usize, input: Shape, classes: usize) -> Result<Self, NnError> {
        if depth < 8 || depth % 6 != 2 || depth > 110 {
            return Err(NnError::Setting {
                name: "depth of a residual network",
                value: depth as f64,
                expected: "6n + 2, from 8 to 110",
            });
        }
        let n = (depth - 2) / 6;
        let stem = vec![stem(16, 3, 1)];
        residual_network(input, stem, &[(16, n), (32, n), (64, n)], classes)
    }

    /// ResNet-18 (He et al. 2016): two blocks each of 64, 128, 256 and 512 channels. Pictures with a
    /// side below 64 get a 3 × 3 stem without stride and pool instead of 7 × 7 with both.
    pub fn resnet18(input: Shape, classes: usize) -> Result<Self, NnError> {
        imagenet(input, [2, 2, 2, 2], classes)
    }

    /// ResNet-34 (He et al. 2016): 3, 4, 6 and 3 blocks of 64, 128, 256 and 512 channels, behind the
    /// stem of [`Architecture::resnet18`].
    pub fn resnet34(input: Shape, classes: usize) -> Result<Self, NnError> {
        imagenet(input, [3, 4, 6, 3], classes)
    }

    fn checked(self) -> Result<Self, NnError> {
        self.check()?;
        Ok(self)
    }
}

fn imagenet(input: Shape, counts: [usize; 4], classes: usize) -> Result<Architecture, NnError> {
    let large = input
        .map()
        .is_some_and(|[_, height, width]| height.min(width) >= LARGE);
    let stem = if large {
        vec![stem(64, 7, 2), Block::StemPool]
    } else {
        vec![stem(64, 3, 1)]
    };
    let [a, b, c, d] = counts;
    residual_network(
        input,
        stem,
        &[(64, a), (128, b), (256, c), (512, d)],
        classes,
    )
}

/// A stem, stages of (channels, blocks) that halve the sides from the second on, and a classifier
/// of the channels' means.
fn residual_network(
    input: Shape,
    stem: Vec<Block>,
    stages: &[(usize, usize)],
    classes: usize,
) -> Result<Architecture, NnError> {
    let mut blocks = stem;
    for (stage, &(channels, count)) in stages.iter().enumerate() {
        for i in 0..count {
            let stride = if stage > 0 && i == 0 { 2 } else { 1 };
            blocks.push(Block::Residual { channels, stride });
        }
    }
    blocks.push(Block::GlobalAveragePool);
    blocks.push(classifier(classes));
    Architecture { input, blocks }.checked()
}

fn stem(channels: usize, kernel: usize, stride: usize) -> Block {
    Block::Convolution {
        channels,
        kernel,
        stride,
        norm: true,
        relu: true,
    }
}

fn classifier(classes: usize) -> Block {
    Block::Dense {
        outputs: classes,
        relu: false,
    }
}
