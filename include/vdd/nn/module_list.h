// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/pimpl.h>

#include <string>
#include <utility>
#include <vector>

namespace vdd::nn {

/// Children named 0, 1, 2, ... that keep their type.
template <typename Holder>
class ModuleListImpl : public torch::nn::Module {
 public:
  void push_back(Holder module) {
    items_.push_back(register_module(std::to_string(items_.size()), std::move(module)));
  }
  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  Holder& operator[](std::size_t i) { return items_[i]; }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }

 private:
  std::vector<Holder> items_;
};

template <typename Holder>
class ModuleList : public torch::nn::ModuleHolder<ModuleListImpl<Holder>> {
 public:
  using torch::nn::ModuleHolder<ModuleListImpl<Holder>>::ModuleHolder;
  Holder& operator[](std::size_t i) { return (*this->get())[i]; }
  auto begin() { return this->get()->begin(); }
  auto end() { return this->get()->end(); }
};

}  // namespace vdd::nn
