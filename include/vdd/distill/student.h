// SPDX-License-Identifier: Apache-2.0
// Legend: T frames, C latent channels, h w latent pixels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "vdd/distill/distill_config.h"
#include "vdd/distill/distiller.h"
#include "vdd/pipeline/conditioning.h"
#include "vdd/pipeline/model_folder.h"

// The one-step student, as far as both stages train it alike.
namespace vdd::distill {

/// Factor of the video's latent where it stands in for noise: the config's, or the one that brings
/// latents of the teacher's VAE to the scale that its UNet knows.
double rgb_latent_scale(const StudentConfig& config, const Teacher& teacher);

/// The UNet that training starts from, float32: of config.model.student, or the teacher's. Throws
/// DataError. A student that was trained on another input is a warning.
models::UNetSpatioTemporalConditionModel load_student(const DistillConfig& config,
                                                      const Teacher& teacher, torch::Device device);

struct StudentInput {
  pipeline::Conditioning conditioning;
  torch::Tensor x_TChw;
  double sigma;  ///< noise level of x
};

/// Makes what the student is given in place of the teacher's n steps: the teacher's own noise, or
/// the video's latent.
StudentInput student_input(const StudentConfig& config, const Teacher& teacher,
                           const TeacherTarget& target, torch::Device device);

/// Makes what a student.forward of multi_step trains on in place of student_input(): the teacher's
/// latent plus sigma * noise. Level and noise depend on the run's seed and the sample's number:
/// sigma is the level Random(derive_seed(seed, n, "level")).below(steps) of the teacher's, the
/// noise tensor::randn(derive_seed(seed, n, "level_noise")).
StudentInput noised_target(const DistillConfig& config, const Teacher& teacher,
                           const TeacherTarget& target, std::int64_t n, torch::Device device);

/// The student as a model without any parts but the scheduler: what to save into `checkpoint`.
pipeline::DepthModel student_model(const DistillConfig& config, const DistillerParts& parts,
                                   const std::filesystem::path& checkpoint, std::int64_t step);

}  // namespace vdd::distill
