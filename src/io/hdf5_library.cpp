// SPDX-License-Identifier: Apache-2.0
#include "hdf5_library.h"

#include "vdd/core/error.h"
#include "vdd/core/text.h"

namespace vdd::io {
namespace {

/// IEEE half, little-endian, which the library does not name.
hid_t make_half() {
  const hid_t type = H5Tcopy(H5T_IEEE_F32LE);
  H5Tset_fields(type, 15, 10, 5, 0, 10);
  H5Tset_size(type, 2);
  H5Tset_ebias(type, 15);
  return type;
}

}  // namespace

std::unique_lock<std::mutex> lock_library() {
  static std::mutex mutex;
  std::unique_lock lock(mutex);
  H5Eset_auto2(H5E_DEFAULT, nullptr,
               nullptr);  // per thread; errors are reported by return values only
  // A filter that a file names could otherwise load code from a folder of plugins.
  static const bool plugins_off [[maybe_unused]] = H5PLset_loading_state(0) >= 0;
  return lock;
}

hid_t memory_type(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return make_half();
    case at::kFloat:
      return H5Tcopy(H5T_NATIVE_FLOAT);
    case at::kDouble:
      return H5Tcopy(H5T_NATIVE_DOUBLE);
    case at::kShort:
      return H5Tcopy(H5T_NATIVE_INT16);
    case at::kInt:
      return H5Tcopy(H5T_NATIVE_INT32);
    case at::kByte:
      return H5Tcopy(H5T_NATIVE_UINT8);
    default:
      throw ShapeError(concat("HDF5: type ", at::toString(type), " is not supported"));
  }
}

}  // namespace vdd::io
