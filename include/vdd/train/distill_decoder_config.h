// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/losses/decoder.h"
#include "vdd/train/distill_config.h"
#include "vdd/train/parameter_selection.h"

namespace vdd::train {

struct HeadConfig {
  std::string variant = "L";
  std::string activation = "softplus";
  std::string init_from;
  std::int64_t seed = 0;
  double lr = 1e-5;

  constexpr void fields(auto& f) {
    f("variant", variant, "sizes of the head: Video-Depth-Anything's S, B and L, or tiny",
      one_of("S", "B", "L", "tiny"));
    f("activation", activation, "of its last layer; relu may die where training starts from noise",
      one_of("identity", "relu", "softplus", "sigmoid"));
    f("init_from", init_from,
      "weights it starts from: a folder dpt_head/ or one that holds it, or a .safetensors or .pth "
      "file of Video-Depth-Anything; empty: random");
    f("seed", seed, "of random weights", non_negative);
    f("lr", lr, "peak learning rate of the head; optimizer.lr is that of the UNet", positive);
  }
};

/// Everything that can be set for stage 2, `distill_decoder`.
struct DistillDecoderConfig : DistillConfig {
  HeadConfig head;
  losses::DecoderLossConfig loss;
  /// As in stage 1, without the layers behind the head's features and the head's own idle unit.
  SelectionConfig trained = {
      .patterns = {"*", "!temporal_res_block", "!temporal_transformer_blocks", "!time_pos_embed",
                   "!time_mixer", "!attn2.to_q", "!attn2.to_k", "!transformer_blocks.*.norm2",
                   "!unet.conv_norm_out", "!unet.conv_out", "!refinenet4.resConfUnit1"}};

  constexpr void fields(auto& f) {
    DistillConfig::fields(f);
    f("head", head, "the temporal DPT head on the student's features");
    f("loss", loss, "difference of disparity and features of student and teacher");
    f("trained", trained,
      "which parameters train, of the student (unet.*) and its head (dpt_head.*)");
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::train
