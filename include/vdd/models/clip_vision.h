// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "vdd/core/field_checks.h"
#include "vdd/models/taps.h"
#include "vdd/nn/activations.h"
#include "vdd/nn/layers.h"
#include "vdd/nn/module_list.h"

// Legend: N images, L = patches + 1 tokens, C hidden size.
namespace vdd::models {

/// The published image_encoder/config.json.
struct ClipConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t projection_dim = 512;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t num_channels = 3;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  nn::Activation hidden_act = nn::Activation::kQuickGelu;
  double layer_norm_eps = 1e-5;

  constexpr void fields(auto& f) {
    f("hidden_size", hidden_size, "token width", in_range(1, 65536));
    f("intermediate_size", intermediate_size, "hidden width of the feed-forward layers",
      in_range(1, 262144));
    f("projection_dim", projection_dim, "width of the image embedding", in_range(1, 65536));
    f("num_hidden_layers", num_hidden_layers, "transformer layers", in_range(1, 1024));
    f("num_attention_heads", num_attention_heads, "attention heads", in_range(1, 1024));
    f("num_channels", num_channels, "image channels", in_range(1, 1024));
    f("image_size", image_size, "height and width of the input image, in pixels",
      in_range(1, 8192));
    f("patch_size", patch_size, "height and width of a patch, in pixels", in_range(1, 8192));
    f("hidden_act", hidden_act, "activation of the feed-forward layers");
    f("layer_norm_eps", layer_norm_eps, "epsilon of the layer norms", positive);
  }
  std::vector<std::string> check() const;
};

/// Multi-head self-attention over the tokens of an image. Source: transformers CLIPAttention.
class ClipAttentionImpl : public torch::nn::Module {
 public:
  explicit ClipAttentionImpl(const ClipConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NLC);

 private:
  std::int64_t heads_;
  nn::Linear k_proj, v_proj, q_proj, out_proj;  // in the published order
};
TORCH_MODULE(ClipAttention);

/// Two linear maps with the activation between them. Source: transformers CLIPMLP.
class ClipMlpImpl : public torch::nn::Module {
 public:
  explicit ClipMlpImpl(const ClipConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NLC);

 private:
  nn::Activation activation_;
  nn::Linear fc1, fc2;
};
TORCH_MODULE(ClipMlp);

/// Attention and MLP, each after a norm and around a residual. Source: transformers
/// CLIPEncoderLayer.
class ClipEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderLayerImpl(const ClipConfig& config);
  torch::Tensor forward(const torch::Tensor& x_NLC);

 private:
  ClipAttention self_attn;
  nn::LayerNorm layer_norm1;
  ClipMlp mlp;
  nn::LayerNorm layer_norm2;
};
TORCH_MODULE(ClipEncoderLayer);

/// Patch embedding, class token and positions. Source: transformers CLIPVisionEmbeddings.
class ClipVisionEmbeddingsImpl : public torch::nn::Module, public nn::Initializable {
 public:
  explicit ClipVisionEmbeddingsImpl(const ClipConfig& config);
  torch::Tensor forward(const torch::Tensor& pixels_NCHW);
  void reset_parameters(at::Generator generator) override;

  torch::Tensor class_embedding;  ///< [C]

 private:
  nn::Conv2d patch_embedding;
  nn::Embedding position_embedding;
};
TORCH_MODULE(ClipVisionEmbeddings);

/// All layers, one after another. Source: transformers CLIPEncoder.
class ClipEncoderImpl : public torch::nn::Module {
 public:
  explicit ClipEncoderImpl(const ClipConfig& config);
  torch::Tensor forward(torch::Tensor x_NLC, Taps* taps = nullptr);

 private:
  nn::ModuleList<ClipEncoderLayer> layers;
};
TORCH_MODULE(ClipEncoder);

/// Embeddings, a norm and all layers. Source: transformers CLIPVisionModel.
class ClipVisionTransformerImpl : public torch::nn::Module {
 public:
  explicit ClipVisionTransformerImpl(const ClipConfig& config);
  /// Returns the class token after post_layernorm, [N,C].
  torch::Tensor forward(const torch::Tensor& pixels_NCHW, Taps* taps = nullptr);

 private:
  ClipVisionEmbeddings embeddings;
  nn::LayerNorm pre_layrnorm;  // the published spelling
  ClipEncoder encoder;
  nn::LayerNorm post_layernorm;
};
TORCH_MODULE(ClipVisionTransformer);

/// One embedding per image. Source: transformers CLIPVisionModelWithProjection.
class CLIPVisionModelWithProjectionImpl : public torch::nn::Module {
 public:
  /// Parameters are uninitialised. Throws ConfigError if the config is inconsistent.
  explicit CLIPVisionModelWithProjectionImpl(const ClipConfig& config);

  /// pixels_NCHW: normalised images of image_size, see preprocess_clip(); cast to the parameters'
  /// dtype. Returns [N, projection_dim], not L2-normalised. Taps: embeddings, pre_layrnorm,
  /// layers.i, last_hidden_state. Throws ShapeError.
  torch::Tensor forward(const torch::Tensor& pixels_NCHW, Taps* taps = nullptr);

  const ClipConfig& config() const { return config_; }
  torch::Dtype dtype() const;
  torch::Device device() const;

 private:
  ClipConfig config_;
  ClipVisionTransformer vision_model;
  nn::Linear visual_projection;
};
TORCH_MODULE(CLIPVisionModelWithProjection);

}  // namespace vdd::models
