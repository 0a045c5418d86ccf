// Loads YAML files that must be understood as a whole.
#pragma once

#include <string>

#include <yaml-cpp/yaml.h>

namespace probegate {

// The only document in `text`. Throws YAML::ParserException, with the place, if it is not valid YAML, or if there is
// anything after the document. YAML::Load ignores what comes after it, and YAML::LoadAll does not return for some
// texts, such as a comma.
YAML::Node LoadYamlDocument(const std::string& text);

}  // namespace probegate
