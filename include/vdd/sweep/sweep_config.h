// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vdd/bench/stage_bench.h"
#include "vdd/core/field_checks.h"
#include "vdd/predict/predictor.h"

// A table of a paper as a file: what is trained for it, and what is measured. docs/ablation.md
namespace vdd::sweep {

/// Lists what a row's program may be: "none", and the programs that distil.
std::vector<std::string> row_programs();

/// A line of the table: a model that is there, or one that is trained for it.
struct RowConfig {
  std::string name = {};
  std::vector<std::string> marks = {};
  std::string model = {};
  std::int64_t steps = 0;
  std::string program = "none";
  std::string config = {};
  std::string student = {};
  std::vector<std::string> set = {};
  bool hidden = false;

  constexpr void fields(auto& f) {
    f("name", name, "first column", non_empty);
    f("marks", marks, "those of the table's marks that the row has");
    f("model", model, "nothing to train: a model folder; empty: the teacher");
    f("steps", steps, "nothing to train: sampler steps; 0: as the model's vdd.json says",
      non_negative);
    f("program", program, "what trains the row's model", OneOf{row_programs()});
    f("config", config, "its config file, relative to this one");
    f("student", student,
      "name of an earlier row, whose checkpoints/best of the same seed it starts from");
    f("set", set, "key.sub=value over the config's and the table's");
    f("hidden", hidden, "trained as the start of other rows; neither scored nor shown");
  }
  std::vector<std::string> check() const;

  bool trained() const { return program != "none"; }
};

struct EvaluationConfig {
  std::string name = {};
  std::string protocol = {};
  std::string data = {};
  std::vector<std::string> set = {};

  constexpr void fields(auto& f) {
    f("name", name, "before the names of its columns", non_empty);
    f("protocol", protocol, "name@version, or a YAML file of one", non_empty);
    f("data", data, "folder of the data set; with * or ?, all that match", non_empty);
    f("set", set, "key.sub=value changes of the protocol");
  }
};

struct SweepConfig {
  std::string title = {};
  std::vector<std::int64_t> seeds = {0};
  std::string teacher = {};
  std::vector<std::string> set = {};
  std::vector<std::string> marks = {};
  std::vector<RowConfig> rows = {};
  std::vector<EvaluationConfig> evaluate = {};
  std::vector<std::string> columns = {"abs_rel", "delta1"};
  std::vector<std::string> times = {};
  bench::StageBenchConfig bench = {};
  predict::PredictorConfig predictor = {};
  std::string device = "cpu";
  std::int64_t threads = 0;
  std::string dtype = "fp32";

  constexpr void fields(auto& f) {
    f("title", title, "of the table", non_empty);
    f("seeds", seeds,
      "each row is trained with each (train.seed, head.seed), and scored with it as the seed of "
      "the "
      "noise",
      non_empty, non_negative);
    f("teacher", teacher, "model folder: model.teacher of every row that is trained", non_empty);
    f("set", set, "key.sub=value over the config of every row that is trained");
    f("marks", marks, "columns that show which rows have something");
    f("rows", rows, "from top to bottom");
    f("evaluate", evaluate, "data sets and protocols");
    f("columns", columns, "scores of each evaluation",
      one_of("abs_rel", "delta1", "rmse", "tae", "boundary_f1", "boundary_recall"));
    f("times", times, "columns of milliseconds a frame, median of the first seed's models in turns",
      one_of("encode", "denoise", "decode", "all"));
    f("bench", bench, "how times are taken");
    f("predictor", predictor,
      "how models run when they are scored; its steps and seed are the row's and the table's");
    f("device", device, "where models are scored and timed: cpu, cuda or cuda:N", non_empty);
    f("threads", threads, "of tensor operations there; 0: all", non_negative);
    f("dtype", dtype, "type of the models there", one_of("fp32", "fp16", "bf16"));
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::sweep
