// SPDX-License-Identifier: Apache-2.0
// Legend: B clips, T frames, C channels, h w latent pixels, D embedding width.
#include <torch/custom_class.h>
#include <torch/library.h>

#include "vdd/losses/latent.h"
#include "vdd/optim/optimizer.h"
#include "vdd/optim/parameter_selection.h"
#include "vdd/pipeline/model_folder.h"
#include "vdd/pipeline/sampling.h"
#include "vdd/tensor/state_dict.h"

namespace vdd::bench {
namespace {

constexpr double kSigma = 700;

class UNet : public torch::CustomClassHolder {
 public:
  explicit UNet(const std::string& folder) : unet_(pipeline::load_unet(folder)) {}

  torch::Tensor forward(const torch::Tensor& sample_BTChw, const torch::Tensor& timestep_B,
                        const torch::Tensor& embeds_BTD, const torch::Tensor& ids_B3) {
    const torch::InferenceMode inference;
    return unet_->forward(sample_BTChw, timestep_B, embeds_BTD, ids_B3);
  }

 private:
  models::UNetSpatioTemporalConditionModel unet_;
};

class Vae : public torch::CustomClassHolder {
 public:
  explicit Vae(const std::string& folder) : vae_(pipeline::load_vae(folder)) {}

  torch::Tensor encode(const torch::Tensor& images_NCHW) {
    const torch::InferenceMode inference;
    return vae_->encode_moments(images_NCHW);
  }
  torch::Tensor decode(const torch::Tensor& latents_NChw, std::int64_t num_frames) {
    const torch::InferenceMode inference;
    return vae_->decode(latents_NChw, num_frames);
  }

 private:
  models::AutoencoderKLTemporalDecoder vae_;
};

/// One sample of stage 1 with its update: teacher (unless the target is given), student forward and
/// backward, Adam.
class Stage1 : public torch::CustomClassHolder {
 public:
  Stage1(const std::string& folder, std::int64_t teacher_steps, double lr)
      : teacher_(pipeline::load_unet(folder)),
        student_(pipeline::load_unet(folder)),
        teacher_steps_(teacher_steps) {
    share_frozen(select());
    optim::OptimizerConfig config;
    config.lr = lr;
    optimizer_ = std::make_unique<optim::Optimizer>(
        std::vector{optim::ParameterGroup{"unet", selection_.trained(), lr}}, config);
  }

  double step(const torch::Tensor& rgb_latent_TChw, const torch::Tensor& embeds_TD,
              const torch::Tensor& noise_TChw, const std::optional<torch::Tensor>& target_TChw) {
    const pipeline::Conditioning conditioning{rgb_latent_TChw, embeds_TD};
    const torch::Tensor target = target_TChw
                                     ? *target_TChw
                                     : pipeline::teacher_sample(teacher_, schedule_, teacher_steps_,
                                                                conditioning, noise_TChw);
    const torch::Tensor start = noise_TChw * schedule_.init_noise_sigma();
    const torch::Tensor denoised = pipeline::denoise_once(student_, conditioning, start, kSigma);
    const torch::Tensor loss = losses::latent_loss(denoised, target, {}).total;
    loss.backward();
    optimizer_->step(1);
    optimizer_->zero_grad();
    return loss.item<double>();
  }

  torch::Tensor parameter(const std::string& name) {
    return student_->named_parameters()[name].detach().clone();
  }

 private:
  const optim::Selection& select() {
    selection_ = optim::select_parameters(tensor::named_parameters(*student_),
                                          optim::SelectionConfig().in_force());
    return selection_;
  }

  /// What does not train is the teacher's: one storage for both.
  void share_frozen(const optim::Selection& selection) {
    auto teacher = teacher_->named_parameters();
    for (auto& [name, parameter] : selection.frozen()) parameter.set_data(teacher[name]);
  }

  diffusion::EulerSchedule schedule_;
  models::UNetSpatioTemporalConditionModel teacher_, student_;
  std::int64_t teacher_steps_;
  optim::Selection selection_;
  std::unique_ptr<optim::Optimizer> optimizer_;
};

}  // namespace

TORCH_LIBRARY(vdd, library) {
  library.class_<UNet>("UNet").def(torch::init<std::string>()).def("forward", &UNet::forward);
  library.class_<Vae>("Vae")
      .def(torch::init<std::string>())
      .def("encode", &Vae::encode)
      .def("decode", &Vae::decode);
  library.class_<Stage1>("Stage1")
      .def(torch::init<std::string, std::int64_t, double>())
      .def("step", &Stage1::step)
      .def("parameter", &Stage1::parameter);
}

}  // namespace vdd::bench
