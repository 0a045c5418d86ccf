// What a client asks for, whichever service it uses.
#pragma once

#include <string>
#include <vector>

namespace probegate {

// One of the fields by which a client may name the probe. None of them is empty.
struct PortName {
  std::string field;  // "port", "port.address"; for messages
  std::string value;
};

// An empty text is a field that is not set.
struct DebugConfig {
  std::string fqbn;
  std::vector<PortName> port;  // in the order in which they count
  std::string interpreter;
  bool verbose = false;
  // The first of these that is set names the ELF file. The first two may also name an upload.
  std::string import_file;
  std::string import_dir;
  std::string sketch_path;
  std::string programmer;  // only returned in the answer to GetDebugConfig
};

}  // namespace probegate
