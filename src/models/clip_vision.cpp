// SPDX-License-Identifier: Apache-2.0
#include "vdd/models/clip_vision.h"

#include <torch/torch.h>

#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/core/validate.h"
#include "vdd/nn/parameter_device.h"

namespace vdd::models {

std::vector<std::string> ClipConfig::check() const {
  std::vector<std::string> errors;
  if (hidden_size % num_attention_heads) {
    errors.push_back(concat("num_attention_heads: ", num_attention_heads,
                            " does not divide hidden_size, ", hidden_size));
  }
  if (patch_size > image_size) {
    errors.push_back(concat("patch_size: ", patch_size, " does not fit image_size, ", image_size));
  }
  return errors;
}

ClipAttentionImpl::ClipAttentionImpl(const ClipConfig& c)
    : heads_(c.num_attention_heads),
      k_proj(register_module("k_proj", nn::Linear(c.hidden_size, c.hidden_size))),
      v_proj(register_module("v_proj", nn::Linear(c.hidden_size, c.hidden_size))),
      q_proj(register_module("q_proj", nn::Linear(c.hidden_size, c.hidden_size))),
      out_proj(register_module("out_proj", nn::Linear(c.hidden_size, c.hidden_size))) {}

torch::Tensor ClipAttentionImpl::forward(const torch::Tensor& x_NLC) {
  const auto split = [&](const torch::Tensor& t_NLC) {
    return t_NLC.unflatten(-1, {heads_, -1}).transpose(1, 2);
  };
  const torch::Tensor y_NHLD = at::scaled_dot_product_attention(
      split(q_proj(x_NLC)), split(k_proj(x_NLC)), split(v_proj(x_NLC)));
  return out_proj(y_NHLD.transpose(1, 2).flatten(2));
}

ClipMlpImpl::ClipMlpImpl(const ClipConfig& c)
    : activation_(c.hidden_act),
      fc1(register_module("fc1", nn::Linear(c.hidden_size, c.intermediate_size))),
      fc2(register_module("fc2", nn::Linear(c.intermediate_size, c.hidden_size))) {}

torch::Tensor ClipMlpImpl::forward(const torch::Tensor& x_NLC) {
  return fc2(nn::activate(fc1(x_NLC), activation_));
}

ClipEncoderLayerImpl::ClipEncoderLayerImpl(const ClipConfig& c)
    : self_attn(register_module("self_attn", ClipAttention(c))),
      layer_norm1(register_module("layer_norm1", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
      mlp(register_module("mlp", ClipMlp(c))),
      layer_norm2(register_module("layer_norm2", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))) {}

torch::Tensor ClipEncoderLayerImpl::forward(const torch::Tensor& x_NLC) {
  const torch::Tensor y_NLC = x_NLC + self_attn(layer_norm1(x_NLC));
  return y_NLC + mlp(layer_norm2(y_NLC));
}

ClipVisionEmbeddingsImpl::ClipVisionEmbeddingsImpl(const ClipConfig& c)
    : class_embedding(register_parameter("class_embedding", nn::empty_parameter({c.hidden_size}))),
      patch_embedding(register_module("patch_embedding",
                                      nn::Conv2d(nn::Conv2dConfig{.in_channels = c.num_channels,
                                                                  .out_channels = c.hidden_size,
                                                                  .kernel = c.patch_size,
                                                                  .stride = c.patch_size,
                                                                  .padding = 0,
                                                                  .with_bias = false}))),
      position_embedding(register_module(
          "position_embedding",
          nn::Embedding((c.image_size / c.patch_size) * (c.image_size / c.patch_size) + 1,
                        c.hidden_size))) {}

torch::Tensor ClipVisionEmbeddingsImpl::forward(const torch::Tensor& pixels_NCHW) {
  const torch::Tensor patches_NLC = patch_embedding(pixels_NCHW).flatten(2).transpose(1, 2);
  const torch::Tensor class_N1C = class_embedding.expand({pixels_NCHW.size(0), 1, -1});
  return at::cat({class_N1C.to(patches_NLC.scalar_type()), patches_NLC}, 1) +
         position_embedding->weight;
}

void ClipVisionEmbeddingsImpl::reset_parameters(at::Generator generator) {
  torch::NoGradGuard no_grad;
  class_embedding.normal_(0, 1, generator);
}

ClipEncoderImpl::ClipEncoderImpl(const ClipConfig& c)
    : layers(register_module("layers", nn::ModuleList<ClipEncoderLayer>())) {
  for (std::int64_t i = 0; i < c.num_hidden_layers; ++i) layers->push_back(ClipEncoderLayer(c));
}

torch::Tensor ClipEncoderImpl::forward(torch::Tensor x_NLC, Taps* taps) {
  for (std::size_t i = 0; i < layers->size(); ++i) {
    x_NLC = tap(taps, concat("layers.", i), layers[i](x_NLC));
  }
  return x_NLC;
}

ClipVisionTransformerImpl::ClipVisionTransformerImpl(const ClipConfig& c)
    : embeddings(register_module("embeddings", ClipVisionEmbeddings(c))),
      pre_layrnorm(register_module("pre_layrnorm", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))),
      encoder(register_module("encoder", ClipEncoder(c))),
      post_layernorm(
          register_module("post_layernorm", nn::LayerNorm(c.hidden_size, c.layer_norm_eps))) {}

torch::Tensor ClipVisionTransformerImpl::forward(const torch::Tensor& pixels_NCHW, Taps* taps) {
  torch::Tensor x_NLC = tap(taps, "embeddings", embeddings(pixels_NCHW));
  x_NLC = tap(taps, "pre_layrnorm", pre_layrnorm(x_NLC));
  x_NLC = tap(taps, "last_hidden_state", encoder(x_NLC, taps));
  return post_layernorm(x_NLC.select(1, 0));
}

CLIPVisionModelWithProjectionImpl::CLIPVisionModelWithProjectionImpl(const ClipConfig& config)
    : config_(validate(config)),
      vision_model(register_module("vision_model", ClipVisionTransformer(config))),
      visual_projection(register_module(
          "visual_projection", nn::Linear(config.hidden_size, config.projection_dim, false))) {}

torch::Tensor CLIPVisionModelWithProjectionImpl::forward(const torch::Tensor& pixels_NCHW,
                                                         Taps* taps) {
  const std::int64_t size = config_.image_size;
  if (pixels_NCHW.dim() != 4 || pixels_NCHW.size(1) != config_.num_channels ||
      pixels_NCHW.size(2) != size || pixels_NCHW.size(3) != size) {
    throw ShapeError(concat("pixels: wanted [N,", config_.num_channels, ",", size, ",", size,
                            "], got ", pixels_NCHW.sizes()));
  }
  return visual_projection(vision_model(pixels_NCHW.to(device(), dtype()), taps));
}

torch::Dtype CLIPVisionModelWithProjectionImpl::dtype() const {
  return visual_projection->weight.scalar_type();
}

torch::Device CLIPVisionModelWithProjectionImpl::device() const {
  return visual_projection->weight.device();
}

}  // namespace vdd::models
