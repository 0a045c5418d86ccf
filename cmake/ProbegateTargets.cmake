# Functions that create every target of the project, with one set of flags and include paths that follow the link graph.
#
# A room is a folder without its subfolders. Its headers are found only through a private directory of symbolic links. A
# target gets that directory by linking the room's library, directly or through another library, so including a header
# of a room that is not linked does not compile. tests/checks/folder_rules.txt is stricter: it checks each include
# individually.

include(ProbegateCcache)
include(ProbegatePch)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_library(probegate_flags INTERFACE)
target_compile_options(probegate_flags INTERFACE
  -Wall -Wextra -Werror -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -Wformat=2
  -Wimplicit-fallthrough -Wno-missing-field-initializers)
# At -O3 gcc 12 emits several false warnings about overlapping copies in `"text" + std::string` (GCC bug 105651), so
# release builds do not treat warnings as errors. The other presets do.
target_compile_options(probegate_flags INTERFACE $<$<CONFIG:Release>:-Wno-error>)
# gRPC adds -pthread, and gcc rejects a precompiled header that was compiled without it.
target_compile_options(probegate_flags INTERFACE -pthread)
target_compile_definitions(probegate_flags INTERFACE PROBEGATE_VERSION="${PROJECT_VERSION}"
  # Asio 1.22 only checks for clang's coroutines from before C++20, which current versions no longer have.
  $<$<CXX_COMPILER_ID:Clang>:ASIO_HAS_CO_AWAIT ASIO_HAS_STD_COROUTINE>)

# Builds only the programs. `./dev run` uses it.
add_custom_target(programs)

# Creates the include directory of a room; `room` is its path relative to the source root.
function(probegate_include_dir room result)
  string(REPLACE "/" "_" flat ${room})
  set(dir ${CMAKE_BINARY_DIR}/include/${flat})
  file(MAKE_DIRECTORY ${dir}/${room})
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}/${room} ${CMAKE_SOURCE_DIR}/${room}/*.h)
  file(GLOB links RELATIVE ${dir}/${room} ${dir}/${room}/*)
  foreach(link ${links})
    if(NOT link IN_LIST headers)
      file(REMOVE ${dir}/${room}/${link})
    endif()
  endforeach()
  foreach(header ${headers})
    if(NOT EXISTS ${dir}/${room}/${header})
      file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${room}/${header} ${dir}/${room}/${header} SYMBOLIC)
    endif()
  endforeach()
  set(${result} ${dir} PARENT_SCOPE)
endfunction()

# probegate_library(NAME [ROOMS path…] SOURCES … [PUBLIC libs…] [PRIVATE libs…])
# ROOMS are the folders, relative to the source root, whose headers users of this library may include (default: this
# folder).
function(probegate_library name)
  cmake_parse_arguments(ARG "" "" "ROOMS;SOURCES;PUBLIC;PRIVATE" ${ARGN})
  if(NOT ARG_ROOMS)
    file(RELATIVE_PATH ARG_ROOMS ${CMAKE_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
  endif()
  set(dirs)
  foreach(room ${ARG_ROOMS})
    probegate_include_dir(${room} dir)
    list(APPEND dirs ${dir})
  endforeach()
  if(ARG_SOURCES)
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${dirs})
    target_link_libraries(${name} PUBLIC ${ARG_PUBLIC} PRIVATE probegate_flags ${ARG_PRIVATE})
    probegate_use_pch(${name} ${ARG_PUBLIC} ${ARG_PRIVATE})
  else()
    add_library(${name} INTERFACE)
    target_include_directories(${name} INTERFACE ${dirs})
    target_link_libraries(${name} INTERFACE ${ARG_PUBLIC})
  endif()
endfunction()

# probegate_program(NAME SOURCES … LIBS …): a program, in <build>/bin.
function(probegate_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE probegate_flags ${ARG_LIBS})
  probegate_use_pch(${name} ${ARG_LIBS})
  add_dependencies(programs ${name})
endfunction()
