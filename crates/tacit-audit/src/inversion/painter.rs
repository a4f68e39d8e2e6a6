//! A decoder that paints: what neighbouring pixels have in common is learnt once for all places.
//!
//! ```text
//! w → dense, ReLU → 16 × h/4 × w/4 → twice as large → conv 3, ReLU → twice as large → conv 5 → c × h × w
//! ```
//!
//! Sides that four does not divide are rounded up, and the rim is cut off at the end.

// What `derive(Module)` writes begins with this name.
use tacit_nn::burn;
use tacit_nn::burn::module::{Module, Param};
use tacit_nn::burn::nn::Linear;
use tacit_nn::burn::nn::conv::Conv2d;
use tacit_nn::burn::tensor::activation::relu;
use tacit_nn::burn::tensor::{Tensor, TensorData};
use tacit_nn::network::{conv2d, linear};
use tacit_nn::{Draws, Network, training_device};

const CHANNELS: usize = 16;

/// From rows of numbers to rows that are pictures.
#[derive(Module, Debug)]
pub(super) struct Painter {
    lift: Linear,
    refine: Conv2d,
    paint: Conv2d,
    channels: usize,
    height: usize,
    width: usize,
}

impl Painter {
    /// One whose last layer is zero, so that it begins with an empty picture.
    pub(super) fn new(inputs: usize, shape: [usize; 3], draws: &mut Draws) -> Self {
        let [channels, height, width] = shape;
        let device = training_device();
        let coarse = CHANNELS * height.div_ceil(4) * width.div_ceil(4);
        let mut paint = conv2d([CHANNELS, channels], 5, draws, &device);
        let sizes = [channels, CHANNELS, 5, 5];
        let zeros = vec![0.0f32; sizes.iter().product()];
        paint.weight = Param::from_data(TensorData::new(zeros, sizes), &device);
        let zeros = TensorData::new(vec![0.0f32; channels], [channels]);
        paint.bias = Some(Param::from_data(zeros, &device));
        Painter {
            lift: linear(inputs, coarse, true, draws, &device),
            refine: conv2d([CHANNELS, CHANNELS], 3, draws, &device),
            paint,
            channels,
            height,
            width,
        }
    }
}

/// Every pixel four times.
fn twice(maps: Tensor<4>) -> Tensor<4> {
    let [rows, channels, height, width] = maps.dims();
    maps.reshape([rows, channels, height, 1, width, 1])
        .expand([rows, channels, height, 2, width, 2])
        .reshape([rows, channels, 2 * height, 2 * width])
}

impl Network for Painter {
    fn inputs(&self) -> usize {
        self.lift.weight.dims()[0]
    }

    fn outputs(&self) -> usize {
        self.channels * self.height * self.width
    }

    fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let [count, _] = rows.dims();
        let coarse = [self.height.div_ceil(4), self.width.div_ceil(4)];
        let maps = relu(self.lift.forward(rows));
        let maps = maps.reshape([count, CHANNELS, coarse[0], coarse[1]]);
        let maps = relu(self.refine.forward(twice(maps)));
        let maps = self.paint.forward(twice(maps));
        maps.slice([0..count, 0..self.channels, 0..self.height, 0..self.width])
            .reshape([count, self.outputs()])
    }
}
