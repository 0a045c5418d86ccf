# Precompiled headers for headers that take seconds to parse: generated Protobuf code, gRPC and GoogleTest.
#
# A target automatically gets the one that matches the libraries it links. Sources still include what they use, as if
# there were no precompiled headers (`./dev lint` and the fuzz build compile without them). Each is built once, and only
# if a target uses it.

# One row per precompiled header: its name, the libraries it is compiled against, and its headers.
function(probegate_define_pchs)
  set(messages "probegate/v1/debug_probe.pb.h" "probegate/v1/probe_directory.pb.h")
  set(services "probegate/v1/debug_probe.grpc.pb.h" "probegate/v1/probe_directory.grpc.pb.h")
  probegate_define_pch(proto      LIBS proto                  HEADERS ${messages})
  probegate_define_pch(grpc       LIBS proto_grpc             HEADERS <grpcpp/grpcpp.h> ${messages} ${services})
  probegate_define_pch(test       LIBS GTest::gmock           HEADERS <gmock/gmock.h> <gtest/gtest.h>)
  probegate_define_pch(test_proto LIBS GTest::gmock proto     HEADERS <gmock/gmock.h> <gtest/gtest.h> ${messages})
endfunction()

function(probegate_define_pch name)
  cmake_parse_arguments(ARG "" "" "LIBS;HEADERS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/pch/${name}.cc)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Carries a precompiled header.\n")
  add_library(probegate_pch_${name} STATIC EXCLUDE_FROM_ALL ${source})
  target_link_libraries(probegate_pch_${name} PRIVATE probegate_flags ${ARG_LIBS})
  list(TRANSFORM ARG_HEADERS REPLACE "^([^<].*)$" "\"\\1\"")
  target_precompile_headers(probegate_pch_${name} PRIVATE ${ARG_HEADERS})
endfunction()

# probegate_use_pch(target libs…): gives the target the precompiled header for the libraries `libs` that it links.
function(probegate_use_pch target)
  set(test)
  if("GTest::gtest" IN_LIST ARGN)
    set(test test)
  endif()
  if("proto_grpc" IN_LIST ARGN AND NOT test)
    set(pch grpc)
  elseif("proto" IN_LIST ARGN OR "proto_grpc" IN_LIST ARGN)
    string(JOIN _ pch ${test} proto)
  else()
    set(pch ${test})
  endif()
  if(pch)
    target_precompile_headers(${target} REUSE_FROM probegate_pch_${pch})
  endif()
endfunction()
