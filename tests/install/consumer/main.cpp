// SPDX-License-Identifier: Apache-2.0
#include <torch/types.h>
#include <vdd/config/reader.h>
#include <vdd/losses/latent.h>

#include <cmath>

int main() {
  const auto config = vdd::config::load_text<vdd::losses::LatentLossConfig>("lambda: 0.25");
  const auto loss =
      vdd::losses::latent_loss(torch::ones({2, 4, 8, 8}), torch::zeros({2, 4, 8, 8}), config);
  return std::abs(loss.total.item<double>() - 0.75) < 1e-6 ? 0 : 1;
}
