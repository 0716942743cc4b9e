// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>

#include "command_tree.h"
#include "program.h"
#include "vdd/core/text.h"

namespace vdd::tools {
namespace {

using Commands = std::vector<CommandHelp>;

std::string last_word(const std::string& path) {
  return path.substr(path.rfind(' ') + 1);
}

/// The same in the quotes of a POSIX shell.
std::string quoted(const std::string& text) {
  return concat('\'', join(split(text, '\''), "'\\''"), '\'');
}

/// Everything that may come next after the words of a path.
std::vector<std::string> words_after(const CommandHelp& command) {
  std::vector<std::string> words;
  for (const CommandHelp& child : command.commands) words.push_back(last_word(child.path));
  for (const OptionHelp& option : command.options)
    words.insert(words.end(), option.names.begin(), option.names.end());
  for (const config::KeyHelp& setting : command.settings) words.push_back(setting.key + '=');
  return words;
}

std::string program_names(const Commands& programs) {
  std::vector<std::string> names;
  for (const CommandHelp& program : programs) names.push_back(program.path);
  return join(names, " ");
}

/// The body that bash and zsh share: sets `words` from `path` and the words before the cursor.
std::string shell_cases(const Commands& programs) {
  std::vector<std::string> paths;
  std::string cases;
  for_each_command(programs, [&](const CommandHelp& command) {
    if (command.path.find(' ') != std::string::npos) paths.push_back(quoted(command.path));
    cases += concat("    ", quoted(command.path),
                    ") words=", quoted(join(words_after(command), " ")), " ;;\n");
  });
  return concat("    case \"$path $word\" in\n      ", join(paths, " | "),
                ") path=\"$path $word\" ;;\n    esac\n  done\n  case $path in\n", cases,
                "  esac\n");
}

std::string bash_script(const Commands& programs) {
  return concat(
      "# Completion of vdd for bash: source <(vdd completion bash)\n"
      "_vdd() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} path=${COMP_WORDS[0]##*/} word words=''\n"
      "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n",
      shell_cases(programs),
      "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
      "  if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi\n"
      "}\n"
      "complete -o default -F _vdd ",
      program_names(programs), "\n");
}

std::string zsh_script(const Commands& programs) {
  return concat("#compdef ", program_names(programs),
                "\n"
                "# Completion of vdd for zsh: save it as _vdd in a folder of fpath.\n"
                "_vdd() {\n"
                "  local program=${words[1]:t} word\n"
                "  local -a before=(\"${(@)words[2,CURRENT-1]}\")\n"
                "  local path=$program words=''\n"
                "  for word in \"${before[@]}\"; do\n",
                shell_cases(programs),
                "  local -a candidates=(${=words})\n"
                "  compadd -S '' -- ${(M)candidates:#*=}\n"
                "  compadd -- ${candidates:#*=}\n"
                "  _files\n"
                "}\n"
                "_vdd \"$@\"\n");
}

std::string fish_script(const Commands& programs) {
  std::string script = "# Completion of vdd for fish: vdd completion fish | source\n";
  for_each_command(programs, [&](const CommandHelp& command) {
    std::vector<std::string> path = split(command.path, ' ');
    const std::string program = path.front();
    path.erase(path.begin());
    std::vector<std::string> conditions;
    for (const std::string& word : path)
      conditions.push_back("__fish_seen_subcommand_from " + word);
    const std::string start =
        concat("complete -c ", program,
               conditions.empty() ? "" : concat(" -n ", quoted(join(conditions, "; and "))));
    for (const CommandHelp& child : command.commands) {
      script += concat(start, " -a ", last_word(child.path), " -d ", quoted(child.about), '\n');
    }
    for (const OptionHelp& option : command.options) {
      if (option.names.empty()) continue;
      script += start;
      for (const std::string& name : option.names) {
        script += name.starts_with("--") ? concat(" -l ", name.substr(2))
                                         : concat(" -s ", name.substr(1));
      }
      script += concat(option.value.empty() ? "" : " -r", " -d ", quoted(option.help), '\n');
    }
    for (const config::KeyHelp& setting : command.settings)
      script += concat(start, " -a ", setting.key, "= -d ", quoted(setting.help), '\n');
  });
  return script;
}

}  // namespace

void add_completion(CLI::App& vdd) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command =
      vdd.add_subcommand("completion", "print a script that completes command lines in a shell");
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&vdd, shell] {
    const Commands programs = all_programs(vdd);
    std::cout << (*shell == "bash"  ? bash_script(programs)
                  : *shell == "zsh" ? zsh_script(programs)
                                    : fish_script(programs));
  });
}

}  // namespace vdd::tools
