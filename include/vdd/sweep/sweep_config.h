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
    f("name", name, "text of the row's first column", non_empty);
    f("marks", marks, "marks that the row has, out of the table's `marks`");
    f("model", model, "model folder of a row that is not trained; empty: the teacher");
    f("steps", steps, "sampler steps of a row that is not trained; 0: as the model's vdd.json says",
      non_negative);
    f("program", program, "program that trains the row's model; none: the row is not trained",
      OneOf{row_programs()});
    f("config", config, "config file of that program, relative to this file");
    f("student", student,
      "name of an earlier row; training starts from its checkpoints/best of the same seed");
    f("set", set, "key.sub=value settings over those of `config` and of the table");
    f("hidden", hidden,
      "train the row only as the start of other rows; it is neither scored nor shown");
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
    f("name", name, "text before the names of its columns", non_empty);
    f("protocol", protocol, "protocol: name@version, or a YAML file", non_empty);
    f("data", data, "folder of the data set; with * or ?: all matching folders", non_empty);
    f("set", set, "key.sub=value changes to the protocol");
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
    f("title", title, "title of the table", non_empty);
    f("seeds", seeds,
      "seeds that each row is trained with, one run per seed (train.seed, head.seed); also the "
      "seed of the noise when that run is scored",
      non_empty, non_negative);
    f("teacher", teacher, "model folder of the teacher: model.teacher of every row that is trained",
      non_empty);
    f("set", set, "key.sub=value settings over the config of every row that is trained");
    f("marks", marks,
      "names of columns that are ticked in the rows that list them in their `marks`");
    f("rows", rows, "rows of the table, from top to bottom");
    f("evaluate", evaluate, "data sets that the rows are scored on, and their protocols");
    f("columns", columns, "scores of each evaluation",
      one_of("abs_rel", "delta1", "rmse", "tae", "boundary_f1", "boundary_recall"));
    f("times", times,
      "stages that get a column with milliseconds per frame: the median for the models of the "
      "first seed, which run in turns",
      one_of("encode", "denoise", "decode", "all"));
    f("bench", bench, "how times are measured");
    f("predictor", predictor,
      "how models run when they are scored; steps and seed come from the row and the table");
    f("device", device, "where models are scored and timed: cpu, cuda or cuda:N", non_empty);
    f("threads", threads, "CPU threads of tensor operations there; 0: all cores", non_negative);
    f("dtype", dtype, "dtype of the models there, but for their VAE, which runs in fp32",
      one_of("fp32", "fp16", "bf16"));
  }
  std::vector<std::string> check() const;
};

}  // namespace vdd::sweep
