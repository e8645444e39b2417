mod data;
mod equations;
mod gradients;
mod kernels;
mod support;
mod torch;
