// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <c10/core/ScalarType.h>
#include <hdf5.h>

#include <mutex>

// What reader and writer share of the HDF5 library.
namespace vdd::io {

/// The library is used by one thread at a time, however it was built.
std::unique_lock<std::mutex> lock_library();

/// Returns the type in memory for a LibTorch type; the caller owns it. Throws ShapeError.
hid_t memory_type(at::ScalarType type);

template <herr_t (*close)(hid_t)>
class Handle {
 public:
  explicit Handle(hid_t id) : id_(id) {}
  ~Handle() {
    if (id_ >= 0) close(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
};
using File = Handle<H5Fclose>;
using Dataset = Handle<H5Dclose>;
using Space = Handle<H5Sclose>;
using Type = Handle<H5Tclose>;
using Properties = Handle<H5Pclose>;

}  // namespace vdd::io
