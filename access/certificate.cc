#include "access/certificate.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>
#include <optional>
#include <string>

#include "base/freed.h"

namespace probegate {
namespace {

// The text of `value`. Nothing if it contains a NUL byte.
std::optional<std::string> Text(const ASN1_STRING* value) {
  unsigned char* bytes = nullptr;
  const int length = ASN1_STRING_to_UTF8(&bytes, value);
  if (length < 0) return std::nullopt;
  std::string text(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
  OPENSSL_free(bytes);
  if (text.find('\0') != text.npos) return std::nullopt;
  return text;
}

bool ReadAlternativeNames(X509* certificate, CertificateNames& names) {
  const std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> all(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(all.get(), i), &type);
    std::vector<std::string>* const kind = type == GEN_URI     ? &names.uris
                                           : type == GEN_DNS   ? &names.dns
                                           : type == GEN_EMAIL ? &names.emails
                                                               : nullptr;
    if (kind == nullptr) continue;
    std::optional<std::string> text = Text(static_cast<const ASN1_STRING*>(value));
    if (!text) return false;
    kind->push_back(std::move(*text));
  }
  return true;
}

// The last common name: the most specific one.
bool ReadCommonName(X509* certificate, CertificateNames& names) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int i = -1; (i = X509_NAME_get_index_by_NID(subject, NID_commonName, i)) >= 0;) last = i;
  if (last < 0) return true;
  std::optional<std::string> text = Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
  if (!text) return false;
  names.common_name = std::move(*text);
  return true;
}

}  // namespace

absl::StatusOr<CertificateNames> ReadCertificate(std::string_view pem) {
  const std::unique_ptr<BIO, Freed<BIO_free>> input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<X509, Freed<X509_free>> certificate(PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) return absl::UnauthenticatedError("the client certificate cannot be parsed");
  CertificateNames names;
  if (!ReadAlternativeNames(certificate.get(), names) || !ReadCommonName(certificate.get(), names)) {
    return absl::UnauthenticatedError("the client certificate has a name that is not valid text");
  }
  std::tm end{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) == 1) {
    names.not_after = absl::FromTM(end, absl::UTCTimeZone());
  }
  return names;
}

}  // namespace probegate
