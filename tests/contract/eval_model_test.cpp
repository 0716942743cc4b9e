// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "pipeline/tiny_model.h"
#include "support/run_program.h"
#include "vdd/eval/evaluate.h"
#include "vdd/eval/report.h"
#include "vdd/io/numpy.h"
#include "vdd/predict/predictor.h"

// `vdd eval --model` against the same model run here, its predictions stored and read again.
namespace vdd::test {
namespace {

using ::testing::HasSubstr;

const std::string kData = VDD_FIXTURES "/io/nyuv2";
const std::vector<std::string> kChanges = {"crop=none", "height=64", "width=128"};

eval::Protocol protocol() {
  return eval::find_protocol("depthcrafter-nyu@1", kChanges);
}

class EvalModel : public testing::Test {
 protected:
  EvalModel() { at::set_num_threads(1); }

  Finished eval(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"eval", "-m", model_, "--protocol", "depthcrafter-nyu@1", "--data", kData,
                      "--partial", "--threads", "1", "-o", saved_});
    arguments.insert(arguments.end(), kChanges.begin(), kChanges.end());
    return run_program("vdd", arguments);
  }

  /// Scores of what the model in the folder predicts in so many steps.
  eval::EvalResult expected(std::int64_t steps) {
    predict::Predictor predictor(pipeline::LoadSpec{.model = model_}, {.steps = steps});
    const eval::Protocol p = protocol();
    for (const auto& sequence : eval::open_data_set(kData, p.data).sequences) {
      const torch::Tensor rgb = sequence->clip_T3hw({0}, p.crop, p.height, p.width);
      EXPECT_EQ(rgb.sizes(), (std::vector<std::int64_t>{1, 3, 64, 128}));
      io::write_npy(folder_ / (sequence->name() + ".npy"), predictor.predict_clip(rgb));
    }
    const auto stored = eval::stored_predictions(folder_.path(), eval::PredictionKind::kDisparity);
    return eval::evaluate(kData, p, *stored, {.partial = true});
  }

  void expect_scores_of_stored(const pipeline::DepthModel& model, std::int64_t steps) {
    pipeline::save_depth_model(model_, model);
    const Finished vdd = eval({"--steps", std::to_string(steps)});
    ASSERT_EQ(vdd.code, 0) << vdd.err;
    const eval::EvalResult found = eval::load_result(saved_), wanted = expected(steps);
    ASSERT_EQ(found.sequences.size(), wanted.sequences.size());
    for (std::size_t i = 0; i < found.sequences.size(); ++i)
      EXPECT_EQ(found.sequences[i].prediction_hash, wanted.sequences[i].prediction_hash);
    EXPECT_GT(found.mean.abs_rel, 0);
    EXPECT_EQ(found.mean.abs_rel, wanted.mean.abs_rel);
    EXPECT_THAT(found.method_settings, HasSubstr("steps=" + std::to_string(steps) + " "));
    EXPECT_EQ(found.method_hash.size(), 64u);
  }

  const TempDir folder_;
  const std::string model_ = (folder_ / "tiny").string(), saved_ = (folder_ / "out.json").string();
};

TEST_F(EvalModel, ATeachersStepsAreThoseOfTheCommandLine) {
  expect_scores_of_stored(tiny_model(), 2);
  EXPECT_EQ(eval::load_result(saved_).method, "tiny, 2 steps");
}

TEST_F(EvalModel, AStudentIsDecodedByItsVae) {
  auto student = tiny_model();
  student.info.input = pipeline::SamplerInput::kRgbLatent;
  student.info.steps = 1;
  expect_scores_of_stored(student, 1);
  const Finished vdd = eval({"--steps", "2"});
  EXPECT_EQ(vdd.code, 2);
  EXPECT_EQ(vdd.err, "error: steps: this student has one, got 2\n");
}

TEST_F(EvalModel, AStudentWithAHeadIsDecodedByIt) {
  auto student = tiny_model();
  student.info.input = pipeline::SamplerInput::kRgbLatent;
  student.info.steps = 1;
  student.info.decoder = pipeline::Decoder::kDpt;
  student.dpt_head = tiny_head(student);
  expect_scores_of_stored(student, 1);
  EXPECT_EQ(eval::load_result(saved_).method, "tiny, 1 step");
}

}  // namespace
}  // namespace vdd::test
