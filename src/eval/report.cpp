// SPDX-License-Identifier: Apache-2.0
#include "vdd/eval/report.h"

#include "vdd/config/reader.h"
#include "vdd/config/writer.h"
#include "vdd/core/files.h"
#include "vdd/core/text.h"
#include "vdd/eval/table.h"

namespace vdd::eval {
namespace {

std::string sequence_table(const EvalResult& result, Markup markup) {
  const auto columns = columns_of({&result.mean});
  std::vector<std::string> head = {"sequence", "frames"};
  for (const Column& c : columns)
    head.emplace_back(markup == Markup::kMarkdown ? c.markdown : c.latex);
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, std::int64_t frames, const Scores& scores) {
    rows.push_back({name, std::to_string(frames)});
    for (const Column& c : columns) rows.back().push_back(number(c, scores));
  };
  std::int64_t frames = 0;
  for (const SequenceResult& s : result.sequences) {
    add(cell(s.name, markup), s.scored_frames, s.scores);
    frames += s.scored_frames;
  }
  add(markup == Markup::kMarkdown ? "**mean**" : "\\textbf{mean}", frames, result.mean);
  return table(head, rows, markup);
}

}  // namespace

std::string to_markdown(const EvalResult& result) {
  const Protocol& p = result.protocol;
  std::string text = concat("# ", cell(result.method, Markup::kMarkdown), " on ",
                            cell(p.name, Markup::kMarkdown), "\n\n");
  if (result.protocol_changed)
    text += "**The protocol was changed: not comparable with others of its name.**\n\n";
  if (result.partial) text += "**Partial: not comparable with results on the whole set.**\n\n";
  text += sequence_table(result, Markup::kMarkdown);
  text += concat("\n- protocol hash ", result.protocol_hash.substr(0, 12), ", predictions are ",
                 to_name(result.predictions_are), ", fit ", to_name(p.alignment.fit), " per ",
                 to_name(p.alignment.scope), ", depth ", shortest(p.alignment.min_depth), " to ",
                 shortest(p.alignment.max_depth), " m, crop ", to_name(p.crop), ", score crop ",
                 to_name(p.score_crop), '\n');
  if (!result.method_hash.empty()) {
    text += concat("- model hash ", result.method_hash.substr(0, 12), ", ",
                   cell(result.method_settings, Markup::kMarkdown), '\n');
  }
  std::int64_t skipped = 0;
  for (const SequenceResult& s : result.sequences) {
    skipped += s.temporal_skipped;
    const auto unscored = std::ssize(s.frames) - s.scored_frames;
    text += concat(
        "- used ", cell(s.name, Markup::kMarkdown), ": ", s.frames.size(), " frames, ",
        cell(s.frames.front(), Markup::kMarkdown), " to ", cell(s.frames.back(), Markup::kMarkdown),
        unscored > 0 ? concat("; ", unscored, " without a pixel that counts") : "", '\n');
  }
  if (skipped > 0) text += concat("- TAE leaves out ", skipped, " pairs without overlap\n");
  for (const std::string& line : result.left_out)
    text += concat("- left out: ", cell(line, Markup::kMarkdown), '\n');
  for (const std::string& line : result.missing)
    text += concat("- missing: ", cell(line, Markup::kMarkdown), '\n');
  return text;
}

std::string to_latex(const EvalResult& result) {
  return sequence_table(result, Markup::kLatex);
}

void save_result(const std::filesystem::path& file, const EvalResult& result) {
  write_file_atomic(file, config::to_json(result));
}

EvalResult load_result(const std::filesystem::path& file) {
  return config::load_json<EvalResult>(file);
}

}  // namespace vdd::eval
