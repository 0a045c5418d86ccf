// Frees objects of C libraries: std::unique_ptr<BIO, Freed<BIO_free>>.
#pragma once

namespace probegate {

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};

}  // namespace probegate
