# What `cmake --install` installs, under CMAKE_INSTALL_PREFIX:
#
#   bin/                  the programs
#   share/…/              completion of `probegate` for bash, zsh and fish, where each shell looks for it
#   lib/systemd/system/   their units, which refer to the installed programs
#   lib/udev/rules.d/     rules that assign debug probes to a group
#   share/doc/probegate/  the documentation
#   share/probegate/      example configuration files, the .proto files, and what deploy/ has for Prometheus, Grafana,
#                         certificates, CI and installing pyOCD
include(GNUInstallDirs)

install(TARGETS probegate probegate-server probegate-gateway probegate-debugd probegate-launch probegate-broker
  probegate-health probegate-sim RUNTIME)

# The program itself makes the scripts, and each shell looks for its own under another name.
set(completions
  bash:bash-completion/completions/probegate zsh:zsh/site-functions/_probegate
  fish:fish/vendor_completions.d/probegate.fish)
foreach(completion ${completions})
  string(REPLACE ":" ";" completion ${completion})
  list(GET completion 0 shell)
  list(GET completion 1 path)
  set(script ${CMAKE_BINARY_DIR}/completions/${path})
  cmake_path(GET script PARENT_PATH folder)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${script} COMMAND probegate completion ${shell} > ${script} DEPENDS probegate VERBATIM)
  list(APPEND completion_scripts ${script})
  cmake_path(GET path PARENT_PATH folder)
  install(FILES ${script} DESTINATION ${CMAKE_INSTALL_DATADIR}/${folder})
endforeach()
add_custom_target(completions ALL DEPENDS ${completion_scripts})
add_dependencies(programs completions)

# Units must name their programs with the prefix given to `cmake --install --prefix`, so they are configured at install
# time.
set(units probegate-server.service probegate-gateway.service probegate-debugd.service)
install(CODE "
  get_filename_component(prefix \"\${CMAKE_INSTALL_PREFIX}\" ABSOLUTE)
  set(bindir \"\${prefix}/${CMAKE_INSTALL_BINDIR}\")
  set(docdir \"\${prefix}/${CMAKE_INSTALL_DOCDIR}\")
  foreach(unit ${units})
    configure_file(${CMAKE_SOURCE_DIR}/deploy/systemd/\${unit}.in ${CMAKE_BINARY_DIR}/systemd/\${unit} @ONLY)
  endforeach()")
foreach(unit ${units})
  install(FILES ${CMAKE_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system)
endforeach()
if(EXISTS ${CMAKE_SOURCE_DIR}/deploy/udev)
  install(DIRECTORY deploy/udev/ DESTINATION lib/udev/rules.d FILES_MATCHING PATTERN "*.rules")
endif()

install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md")

set(shared ${CMAKE_INSTALL_DATADIR}/probegate)
install(DIRECTORY deploy/systemd/ DESTINATION ${shared}/examples FILES_MATCHING PATTERN "*.yaml")
install(PROGRAMS deploy/tls/make-lab-ca.sh DESTINATION ${shared}/tls)
install(DIRECTORY proto/probegate DESTINATION ${shared}/proto FILES_MATCHING PATTERN "*.proto")
install(DIRECTORY deploy/grafana/dashboards deploy/grafana/provisioning DESTINATION ${shared}/grafana)
install(DIRECTORY deploy/prometheus deploy/ci deploy/pyocd DESTINATION ${shared}
  PATTERN tests EXCLUDE PATTERN "*.in" EXCLUDE)
