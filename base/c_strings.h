// Texts for functions of C, such as execve(2).
#pragma once

#include <string>
#include <vector>

namespace probegate {

// Pointers to the texts, and a null pointer after the last. Valid until `texts` changes.
inline std::vector<char*> CStrings(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace probegate
