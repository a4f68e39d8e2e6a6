//! Claims about networks of blocks: shapes, prices, cuts.

use tacit_nn::layered::{Architecture, Block, Layered, Shape};
use tacit_nn::store::parameters;
use tacit_nn::{Draws, Matrix, NnError, predict};

fn draws(seed: u64) -> Draws {
    Draws::new(seed, "layered")
}

fn normal(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut d = draws(seed);
    let values = (0..rows * columns).map(|_| d.normal()).collect();
    Matrix::new(rows, columns, values).unwrap()
}

fn map(channels: usize, height: usize, width: usize) -> Shape {
    [channels, height, width].into()
}

/// The stem of ResNet-18 for large pictures, before a narrow stage.
fn with_a_large_stem() -> Architecture {
    Architecture {
        input: map(1, 17, 14),
        blocks: vec![
            Block::Convolution {
                channels: 4,
                kernel: 7,
                stride: 2,
                norm: true,
                relu: true,
            },
            Block::StemPool,
            Block::Residual {
                channels: 6,
                stride: 2,
            },
            Block::GlobalAveragePool,
        ],
    }
}

/// One of each family, small.
fn families() -> Vec<Architecture> {
    vec![
        Architecture::mlp(&[20, 16, 8, 3]).unwrap(),
        Architecture::convnet(map(1, 12, 10), 4).unwrap(),
        Architecture::resnet_cifar(8, map(3, 9, 9), 5).unwrap(),
        with_a_large_stem(),
    ]
}

#[test]
fn every_cut_of_a_convnet_costs_what_is_counted_by_hand() {
    let cuts = Architecture::convnet(map(1, 28, 28), 10).unwrap().cuts();
    let found: Vec<_> = cuts
        .iter()
        .map(|c| {
            (
                c.name.as_str(),
                c.shape,
                c.client_macs,
                c.client_parameters,
                c.bytes,
            )
        })
        .collect();
    // 5·5·1 weights for each of 8 channels at 28·28 places, and 8 biases.
    let first = (5 * 5 * 8 * 28 * 28, 5 * 5 * 8 + 8);
    // 3·3·8 for each of 16 channels at 14·14 places.
    let second = (
        first.0 + 3 * 3 * 8 * 16 * 14 * 14,
        first.1 + 3 * 3 * 8 * 16 + 16,
    );
    let dense = (second.0 + 16 * 7 * 7 * 64, second.1 + 16 * 7 * 7 * 64 + 64);
    assert_eq!(
        found,
        [
            ("1-convolution", map(8, 28, 28), first.0, first.1, 25_088),
            ("2-pool", map(8, 14, 14), first.0, first.1, 6_272),
            ("3-convolution", map(16, 14, 14), second.0, second.1, 12_544),
            ("4-pool", map(16, 7, 7), second.0, second.1, 3_136),
            ("5-dense", Shape::Flat(64), dense.0, dense.1, 256),
        ]
    );
}

#[test]
fn every_cut_of_a_residual_network_costs_what_is_counted_by_hand() {
    let architecture = Architecture::resnet_cifar(8, map(1, 28, 28), 10).unwrap();
    let cuts = architecture.cuts();
    let costs: Vec<_> = cuts
        .iter()
        .map(|c| (c.shape, c.client_macs, c.client_parameters))
        .collect();
    // Each normalised channel has a scale and a shift.
    let stem = (9 * 16 * 784, 9 * 16 + 32);
    let first = (2 * 9 * 16 * 16 * 784, 2 * (9 * 16 * 16 + 32));
    // 16 → 32 at 14·14 places, 32 → 32, and 1·1 on the edge.
    let second = (
        (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32) * 196,
        9 * 16 * 32 + 9 * 32 * 32 + 16 * 32 + 3 * 64,
    );
    let third = (
        (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64) * 49,
        9 * 32 * 64 + 9 * 64 * 64 + 32 * 64 + 3 * 128,
    );
    let mut sum = (0, 0);
    let mut expected = Vec::new();
    for (shape, part) in [
        (map(16, 28, 28), stem),
        (map(16, 28, 28), first),
        (map(32, 14, 14), second),
        (map(64, 7, 7), third),
        (Shape::Flat(64), (0, 0)),
    ] {
        sum = (sum.0 + part.0, sum.1 + part.1);
        expected.push((shape, sum.0, sum.1));
    }
    assert_eq!(costs, expected);
    assert_eq!(architecture.macs(), sum.0 + 640);
    assert_eq!(architecture.parameters(), sum.1 + 650);
}

#[test]
fn known_residual_networks_have_their_published_sizes() {
    let size = |a: Architecture| (a.parameters(), a.macs());
    let picture = map(3, 224, 224);
    assert_eq!(
        size(Architecture::resnet18(picture, 1000).unwrap()),
        (11_689_512, 1_814_073_344)
    );
    assert_eq!(
        size(Architecture::resnet34(picture, 1000).unwrap()),
        (21_797_672, 3_663_761_408)
    );
    // Depth 20 on CIFAR-10: 0.27 million parameters, 41 million multiply-adds.
    assert_eq!(
        size(Architecture::resnet_cifar(20, map(3, 32, 32), 10).unwrap()),
        (272_474, 40_813_184)
    );
}

#[test]
fn a_network_holds_the_parameters_its_architecture_counts() {
    for architecture in families() {
        let network = Layered::new(&architecture, &mut draws(1)).unwrap();
        let found: usize = parameters(&network)
            .iter()
            .filter(|(name, _)| !name.ends_with("mean") && !name.ends_with("variance"))
            .map(|(_, tensor)| tensor.values.len())
            .sum();
        assert_eq!(found as u64, architecture.parameters());
    }
}

#[test]
fn two_parts_compute_what_the_whole_computes_bit_by_bit() {
    for architecture in families() {
        let network = Layered::new(&architecture, &mut draws(2)).unwrap();
        let rows = normal(5, architecture.input.size(), 3);
        let whole = predict::logits(&network, &rows).unwrap();
        for cut in architecture.cuts() {
            let (encoder, head) = network.split_at(cut.after).unwrap();
            let features = predict::logits(&encoder, &rows).unwrap();
            assert_eq!(features.columns() * 4, cut.bytes);
            assert_eq!(
                predict::logits(&head, &features).unwrap(),
                whole,
                "{}",
                cut.name
            );
            let joined = Layered::join(encoder, head).unwrap();
            assert_eq!(joined.architecture(), &architecture);
            assert_eq!(parameters(&joined), parameters(&network));
            assert_eq!(predict::logits(&joined, &rows).unwrap(), whole);
        }
    }
}

#[test]
fn cuts_that_are_not_between_blocks_are_named() {
    let architecture = Architecture::resnet_cifar(8, map(1, 8, 8), 2).unwrap();
    let network = Layered::new(&architecture, &mut draws(1)).unwrap();
    for after in [0, 6, 7] {
        assert!(matches!(network.split_at(after), Err(NnError::Cut { .. })));
    }
    assert_eq!(architecture.cut("3").unwrap(), architecture.cuts()[2]);
    assert_eq!(architecture.cut("3-residual").unwrap().after, 3);
    let refused = architecture.cut("3.first").unwrap_err().to_string();
    assert!(refused.contains("`3.first`") && refused.contains("no residual edge is split"));
    assert!(refused.contains("1-convolution, 2-residual, 3-residual, 4-residual, 5-average"));
}

#[test]
fn blocks_that_do_not_fit_are_named() {
    let refused = |input, blocks: &[Block]| {
        let blocks = blocks.to_vec();
        match (Architecture { input, blocks }).check() {
            Err(NnError::Architecture { block, reason }) => (block, reason),
            other => panic!("{other:?}"),
        }
    };
    let pool = Block::MaxPool { side: 2 };
    assert_eq!(refused(Shape::Flat(4), &[pool]).0, 1);
    assert_eq!(refused(map(1, 4, 4), &[pool, pool, pool]).0, 3);
    assert_eq!(refused(map(1, 4, 0), &[pool]).0, 0);
    assert_eq!(refused(map(1, 4, 4), &[]).0, 0);
    let (block, reason) = refused(
        map(1, 4, 4),
        &[Block::Convolution {
            channels: 1,
            kernel: 2,
            stride: 1,
            norm: false,
            relu: false,
        }],
    );
    assert_eq!(
        (block, reason.as_str()),
        (1, "`kernel` is 2, it must be odd")
    );
    // Sizes whose products leave 64 bits are refused, not computed.
    let huge = usize::MAX;
    assert_eq!(refused(map(huge, huge, huge), &[pool]).0, 0);
    for block in [
        Block::Dense {
            outputs: huge,
            relu: false,
        },
        Block::Residual {
            channels: huge,
            stride: 1,
        },
        Block::Residual {
            channels: 1 << 20,
            stride: 1,
        },
    ] {
        assert_eq!(refused(map(1, 4, 4), &[block]).0, 1);
    }
    assert!(Architecture::resnet_cifar(9, map(1, 8, 8), 2).is_err());
    assert!(Architecture::convnet(map(1, 3, 8), 2).is_err());
    assert!(Architecture::mlp(&[3]).is_err());
    let encoder = Layered::new(&Architecture::mlp(&[4, 3]).unwrap(), &mut draws(1)).unwrap();
    let head = Layered::new(&Architecture::mlp(&[5, 2]).unwrap(), &mut draws(1)).unwrap();
    assert!(matches!(
        Layered::join(encoder, head),
        Err(NnError::Architecture { block: 1, .. })
    ));
}
