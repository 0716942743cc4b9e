// SPDX-License-Identifier: Apache-2.0
#include <ATen/core/Tensor.h>

#include <vector>

#include "hdf5_library.h"
#include "vdd/core/error.h"
#include "vdd/core/text.h"
#include "vdd/io/hdf5.h"

namespace vdd::io {

void write_hdf5(const std::filesystem::path& path, const at::Tensor& array, const Hdf5Write& how) {
  const at::Tensor data = array.detach().cpu().contiguous();
  const auto lock = lock_library();
  const auto require = [&](hid_t status) {
    if (status < 0) throw ResourceError(concat(escape(path.native()), ": cannot write"));
  };
  const auto sides = [](at::IntArrayRef shape) {
    return std::vector<hsize_t>(shape.begin(), shape.end());
  };
  const Type type(memory_type(data.scalar_type()));
  const Space space(
      H5Screate_simple(static_cast<int>(data.dim()), sides(data.sizes()).data(), nullptr));
  const Properties properties(H5Pcreate(H5P_DATASET_CREATE));
  require(H5Pset_obj_track_times(properties, false));  // the same array gives the same bytes
  if (!how.chunks.empty()) {
    require(
        H5Pset_chunk(properties, static_cast<int>(how.chunks.size()), sides(how.chunks).data()));
    if (how.deflate > 0) require(H5Pset_deflate(properties, static_cast<unsigned>(how.deflate)));
  }
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  require(file);
  herr_t written = -1;
  {
    const Dataset dataset(
        H5Dcreate2(file, how.dataset.c_str(), type, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    if (dataset >= 0)
      written = H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data_ptr());
  }
  // What the library buffered is written here, so this can fail where H5Dwrite did not.
  const herr_t closed = H5Fclose(file);
  require(written);
  require(closed);
}

}  // namespace vdd::io
