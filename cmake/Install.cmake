# SPDX-License-Identifier: Apache-2.0
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY VDD_LAYER_TARGETS)
install(TARGETS ${layers} vdd_torch EXPORT vddTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/vdd DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/vdd)
install(EXPORT vddTargets NAMESPACE vdd:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vdd)
configure_package_config_file(cmake/vddConfig.cmake.in ${PROJECT_BINARY_DIR}/vddConfig.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vdd)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vddConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/vddConfig.cmake ${PROJECT_BINARY_DIR}/vddConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vdd)
