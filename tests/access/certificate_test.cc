#include "access/certificate.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

#include "access/certificate_cache.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/access/signing_key.h"

namespace probegate {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A self-signed certificate, in PEM. The alternative names are as in OpenSSL's x509v3_config(5).
std::string Certificate(const std::string& common_name, const std::string& alternative_names) {
  const SigningKey key(SigningKey::Type::kP256, "");
  X509* const certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate), 1'700'000'000);
  ASN1_TIME_set(X509_getm_notAfter(certificate), 1'800'000'000);
  X509_set_pubkey(certificate, key.key());
  X509_NAME* const subject = X509_get_subject_name(certificate);
  if (!common_name.empty()) {
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(common_name.data()),
                               static_cast<int>(common_name.size()), -1, 0);
  }
  if (!alternative_names.empty()) {
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternative_names.c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
  }
  X509_sign(certificate, key.key(), EVP_sha256());
  BIO* const out = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(out, certificate);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string pem(bytes, static_cast<size_t>(size));
  BIO_free(out);
  X509_free(certificate);
  return pem;
}

TEST(Certificate, HasNames) {
  const auto names = ReadCertificate(Certificate("Test bench",
                                                 "URI:spiffe://lab.example/ci,DNS:ci.example,DNS:b.example,"
                                                 "email:ci@lab.example,IP:10.0.0.1,URI:https://ci.example"));
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_THAT(names->uris, ElementsAre("spiffe://lab.example/ci", "https://ci.example"));
  EXPECT_THAT(names->dns, ElementsAre("ci.example", "b.example"));
  EXPECT_THAT(names->emails, ElementsAre("ci@lab.example"));
  EXPECT_EQ(names->common_name, "Test bench");
  EXPECT_EQ(names->not_after, absl::FromUnixSeconds(1'800'000'000));
}

TEST(Certificate, MayHaveNoAlternativeNames) {
  const auto names = ReadCertificate(Certificate("Zoë", ""));
  ASSERT_TRUE(names.ok()) << names.status();
  EXPECT_EQ(names->common_name, "Zoë");
  EXPECT_THAT(names->dns, IsEmpty());
}

TEST(Certificate, MustNotHaveANulByteInAName) {
  const auto names = ReadCertificate(Certificate(std::string("admin\0.evil", 11), ""));
  EXPECT_EQ(names.status().code(), absl::StatusCode::kUnauthenticated);
}

TEST(Certificate, MustBeOne) {
  for (const std::string& text :
       {std::string(), std::string("-----BEGIN CERTIFICATE-----\nAAAA\n"), Certificate("a", "").substr(0, 300)}) {
    EXPECT_EQ(ReadCertificate(text).status().code(), absl::StatusCode::kUnauthenticated);
  }
}

TEST(CertificateCacheTest, KnowsEachCertificateByItsWholeText) {
  CertificateCache cache;
  const std::string first = Certificate("a", "DNS:a.example");
  const std::string second = Certificate("a", "DNS:b.example");
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(cache.Read(first)->dns, ElementsAre("a.example"));
    EXPECT_THAT(cache.Read(second)->dns, ElementsAre("b.example"));
    EXPECT_EQ(cache.Read("no PEM").status().code(), absl::StatusCode::kUnauthenticated);
  }
}

TEST(CertificateCacheTest, GoesOnWhenItIsFull) {
  CertificateCache cache;
  const std::string pem = Certificate("a", "DNS:a.example");
  // What follows the certificate is no part of it, but makes another text.
  for (size_t i = 0; i < 2 * CertificateCache::kMost; ++i) {
    EXPECT_THAT(cache.Read(pem + std::string(i, '\n'))->dns, ElementsAre("a.example"));
  }
}

}  // namespace
}  // namespace probegate
