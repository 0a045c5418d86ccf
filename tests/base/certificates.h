// Certificates for tests, made with OpenSSL's library.
#pragma once

#include <memory>
#include <string>

namespace probegate {

// PEM.
struct TestCertificate {
  std::string certificate;
  std::string key;
};

// A certificate that signs itself if `authority` is null. `names` are its subject alternative names in OpenSSL's
// format, such as "DNS:localhost,IP:127.0.0.1"; empty: none. It is valid from `begin` to `end`, in seconds from now.
TestCertificate MakeCertificate(const std::string& common_name, const std::string& names,
                                const TestCertificate* authority = nullptr, long begin = -3600, long end = 3600);

}  // namespace probegate
