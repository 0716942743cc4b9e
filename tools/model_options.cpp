// SPDX-License-Identifier: Apache-2.0
#include "model_options.h"

#include "vdd/tensor/dtype.h"

namespace vdd::tools {

void add_number(CLI::App& command, const char* name, std::int64_t& value, std::int64_t low,
                const char* help) {
  command.add_option(name, value, help)->check(CLI::Range(low, std::int64_t{1} << 31));
}

void add_dtypes(CLI::App& command, std::string& dtype, std::string& vae_dtype) {
  command.add_option("--dtype", dtype, "fp32, fp16 or bf16, for all but the VAE [fp32]");
  command.add_option("--vae-dtype", vae_dtype,
                     "type of the VAE: fp32, bf16 (far disparity has steps of about 0.002) or fp16 "
                     "(the published VAE overflows) [fp32]");
}

CLI::Option* add_model_options(CLI::App& command, ModelOptions& o) {
  CLI::Option* model = command.add_option("-m,--model", o.spec.model, "model folder or checkpoint");
  command.add_option("--unet", o.spec.unet, "folder of the UNet, if it is not in the model");
  command.add_option("--base", o.spec.base,
                     "model folder for the parts that are missing [as vdd.json says]");
  add_number(command, "--steps", o.predictor.steps, 1, "sampler steps [as vdd.json says]");
  add_number(command, "--window", o.predictor.window, 1, "frames that are denoised together [110]");
  add_number(command, "--overlap", o.predictor.overlap, 0, "frames that two windows share [25]");
  add_number(command, "--decode-chunk", o.predictor.chunk, 1,
             "frames that are encoded or decoded at once [8]");
  add_number(command, "--seed", o.predictor.seed, 0, "seed of the noise [42]");
  command
      .add_option("--noise-aug", o.predictor.noise_aug,
                  "strength of the noise that is added to the frames before they are encoded [as "
                  "vdd.json says]")
      ->check(CLI::NonNegativeNumber);
  add_dtypes(command, o.dtype, o.vae_dtype);
  command.add_option("--device", o.torch.device, "cpu, cuda or cuda:N [cpu]");
  add_number(command, "--threads", o.torch.threads, 0,
             "CPU threads of tensor operations; 0: all cores [0]");
  return model;
}

predict::Predictor make_predictor(ModelOptions o) {
  o.spec.target.dtype = tensor::parse_dtype(o.dtype);
  o.spec.vae_dtype = tensor::parse_dtype(o.vae_dtype);
  o.spec.target.device = tensor::configure_torch(o.torch);
  o.spec.hash = true;
  return {o.spec, o.predictor};
}

}  // namespace vdd::tools
