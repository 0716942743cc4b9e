// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iostream>
#include <memory>

#include "command_tree.h"
#include "program.h"
#include "vdd/core/error.h"
#include "vdd/core/system.h"
#include "vdd/core/text.h"

namespace vdd::tools {
namespace {

/// The same as roff: no character of a text is a request or an escape.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

/// "vdd cache build" has the page vdd-cache-build.
std::string page_name(const CommandHelp& command) {
  return join(split(command.path, ' '), "-");
}

std::string synopsis(const CommandHelp& command) {
  std::string text = concat(".B ", roff(command.path), "\n");
  if (!command.commands.empty()) return text + ".I COMMAND\n[options]\n";
  for (const OptionHelp& option : command.options) {
    if (option.required && !option.names.empty())
      text += concat(".B ", roff(option.names.back()), "\n.I ", option.value, "\n");
  }
  text += "[options]\n";
  for (const OptionHelp& option : command.options) {
    if (option.names.empty())
      text += option.required ? concat(".I ", roff(option.value), "\n")
                              : concat("[\\fI", roff(option.value), "\\fR ...]\n");
  }
  return text;
}

void write_entry(std::string& page, const std::string& head, const std::string& text) {
  page += concat(".TP\n", head, '\n', roff(text), '\n');
}

std::string man_page(const CommandHelp& command) {
  std::string page = concat(".TH ", page_name(command), " 1 \"\" \"vdd ", version(),
                            "\"\n.SH NAME\n", roff(page_name(command)), " \\- ",
                            roff(command.about), "\n.SH SYNOPSIS\n", synopsis(command));
  if (!command.commands.empty()) page += ".SH COMMANDS\n";
  for (const CommandHelp& child : command.commands) {
    write_entry(page, concat(".BR ", roff(page_name(child)), " (1)"), child.about);
  }
  page += ".SH OPTIONS\n";
  for (const OptionHelp& option : command.options) {
    std::vector<std::string> names;
    for (const std::string& name : option.names) names.push_back("\\fB" + roff(name) + "\\fR");
    const std::string value = option.value.empty() ? "" : "\\fI" + roff(option.value) + "\\fR";
    write_entry(page, join(names, ", ") + (names.empty() || value.empty() ? "" : " ") + value,
                option.help);
  }
  if (!command.settings.empty()) {
    page +=
        ".SH SETTINGS\nKeys of the config file, and of the \\fIkey=value\\fR arguments over it.\n";
  }
  for (const config::KeyHelp& k : command.settings) {
    write_entry(page, "\\fB" + roff(k.key) + "\\fR",
                concat(k.help, " (", k.type, k.allowed.empty() ? "" : ", " + k.allowed,
                       "; default ", k.value, ")"));
  }
  return page;
}

void print_page(const CLI::App& vdd, const std::string& name) {
  const std::vector<CommandHelp> programs = all_programs(vdd);
  std::vector<std::string> names;
  const CommandHelp* page = nullptr;
  for_each_command(programs, [&](const CommandHelp& command) {
    names.push_back(page_name(command));
    if (names.back() == name) page = &command;
  });
  if (!page) {
    throw ConfigError(concat("command line: no manual page '", escape(name), "', only ",
                             join(names, ", "), did_you_mean(name, names)));
  }
  std::cout << man_page(*page);
}

}  // namespace

void add_man(CLI::App& vdd) {
  auto name = std::make_shared<std::string>("vdd");
  CLI::App* command = vdd.add_subcommand("man", "print a manual page, for man -l -");
  command->add_option("page", *name, "vdd, vdd-predict, distill_unet, ... [vdd]");
  command->callback([&vdd, name] { print_page(vdd, *name); });
}

}  // namespace vdd::tools
