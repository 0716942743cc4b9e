// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "program.h"
#include "vdd/core/text.h"
#include "vdd/pipeline/export.h"
#include "vdd/tensor/dtype.h"

namespace vdd::tools {
namespace {

struct ExportOptions {
  pipeline::ExportSpec spec;
  std::string format = "diffusers", dtype = "fp16";
};

void run_export(ExportOptions options) {
  options.spec.dtype = tensor::parse_dtype(options.dtype);
  const pipeline::ExportReport report = pipeline::export_diffusers(options.spec);
  std::cout << escape(options.spec.output.string()) << ": " << report.tensors << " tensors, "
            << report.parameters << " parameters, " << report.bytes << " bytes, " << options.dtype
            << (options.spec.verify ? ", read again and equal" : ", not verified") << '\n';
}

}  // namespace

void add_export(CLI::App& vdd) {
  auto options = std::make_shared<ExportOptions>();
  pipeline::ExportSpec& spec = options->spec;
  CLI::App* command =
      vdd.add_subcommand("export", "write a complete model folder that other programs read");
  command->add_option("model", spec.model, "checkpoint (RUN/checkpoints/best) or model folder")
      ->required();
  command->add_option("-o,--output", spec.output, "folder to write")->required();
  command->add_option("--unet", spec.unet,
                      "folder of the UNet, such as DepthCrafter's, if it is not in the model");
  command->add_option("--base", spec.base,
                      "model folder for the parts that are missing [as vdd.json says]");
  command->add_option("--format", options->format, "layout of the folder")
      ->check(CLI::IsMember({"diffusers"}))
      ->capture_default_str();
  command->add_option("--dtype", options->dtype, "fp32, fp16 or bf16")->capture_default_str();
  command->add_flag("--verify,!--no-verify", spec.verify, "read everything again and compare [on]");
  command->add_flag("--overwrite", spec.overwrite, "replace the folder if it exists");
  command->callback([options] { run_export(*options); });
}

}  // namespace vdd::tools
