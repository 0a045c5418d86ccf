#include "tests/base/certificates.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace probegate {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Bio NewBio() { return {BIO_new(BIO_s_mem()), BIO_free}; }

std::string TextOf(const Bio& bio) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate MakeCertificate(const std::string& common_name, const std::string& names,
                                const TestCertificate* authority, long begin, long end) {
  static long serial = 0;
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Certificate made(X509_new(), X509_free);
  X509_set_version(made.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), begin);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), end);
  X509_set_pubkey(made.get(), key.get());
  X509_NAME* const subject = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(common_name.c_str()),
                             -1, -1, 0);
  if (!names.empty()) AddExtension(made.get(), NID_subject_alt_name, names);
  if (authority == nullptr) {
    AddExtension(made.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_set_issuer_name(made.get(), subject);
    X509_sign(made.get(), key.get(), EVP_sha256());
  } else {
    const Bio issuer_text(BIO_new_mem_buf(authority->certificate.data(), -1), BIO_free);
    const Certificate issuer(PEM_read_bio_X509(issuer_text.get(), nullptr, nullptr, nullptr), X509_free);
    const Bio key_text(BIO_new_mem_buf(authority->key.data(), -1), BIO_free);
    const Key issuer_key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr), EVP_PKEY_free);
    X509_set_issuer_name(made.get(), X509_get_subject_name(issuer.get()));
    X509_sign(made.get(), issuer_key.get(), EVP_sha256());
  }
  const Bio certificate_text = NewBio();
  PEM_write_bio_X509(certificate_text.get(), made.get());
  const Bio own_key_text = NewBio();
  PEM_write_bio_PrivateKey(own_key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate = TextOf(certificate_text), .key = TextOf(own_key_text)};
}

}  // namespace probegate
