#include "base/grpc/pem.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "absl/strings/str_cat.h"
#include "base/file_descriptor.h"
#include "base/freed.h"
#include "base/read_all.h"
#include "base/socket.h"

namespace probegate {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 20;

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Freed<X509_CRL_free>>;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

Bio Open(const std::string& text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

// Stands for a passphrase. Without it, OpenSSL would ask for one on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

// The certificates in `file`, at least one.
absl::StatusOr<std::vector<Certificate>> ReadCertificates(const PemFile& file) {
  const Bio bio = Open(file.text);
  std::vector<Certificate> certificates;
  for (;;) {
    Certificate one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (one == nullptr) break;
    certificates.push_back(std::move(one));
  }
  const auto error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (certificates.empty()) return Wrong(file.name(), ": it contains no certificate in PEM format");
  if (!at_end) return Wrong(file.name(), ": its certificate number ", certificates.size() + 1, " is damaged");
  ERR_clear_error();
  return certificates;
}

std::string ToText(const ASN1_TIME* time) {
  const Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::string ToText(const X509_NAME* name) {
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<size_t>(size));
}

std::chrono::system_clock::time_point ToTimePoint(const ASN1_TIME* time) {
  std::tm fields{};
  ASN1_TIME_to_tm(time, &fields);
  return std::chrono::system_clock::from_time_t(::timegm(&fields));
}

absl::StatusOr<Key> ReadKey(const PemFile& file) {
  const Bio bio = Open(file.text);
  bool encrypted = false;
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, &encrypted));
  if (encrypted) {
    return Wrong(file.name(), ": the private key is encrypted; decrypt it with: openssl pkey -in ", file.path);
  }
  if (key == nullptr) return Wrong(file.name(), ": it contains no private key in PEM format");
  return key;
}

// Whether `folder` has a list of the authority `name` under the name that OpenSSL looks for: HASH.r0, HASH.r1, …
absl::StatusOr<bool> HasRevocationList(const std::string& option, const std::string& folder, const X509_NAME* name) {
  for (int number = 0;; ++number) {
    char file[32];
    std::snprintf(file, sizeof(file), "%08lx.r%d", X509_NAME_hash_ex(name, nullptr, nullptr, nullptr), number);
    const std::string path = folder + "/" + file;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) return false;
    const auto text = ReadPemFile(option, path);
    if (!text.ok()) return text.status();
    const Bio bio = Open(text->text);
    const RevocationList list(PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr));
    if (list == nullptr) return Wrong(text->name(), ": it is not a revocation list in PEM format");
    if (X509_NAME_cmp(X509_CRL_get_issuer(list.get()), name) == 0) return true;
  }
}

}  // namespace

absl::StatusOr<PemFile> ReadPemFile(std::string_view option, const std::string& path) {
  PemFile file{.option = std::string(option), .path = path, .text = {}};
  const auto unreadable = [&file](const std::string& why) { return Wrong(file.name(), ": cannot be read: ", why); };
  // O_NONBLOCK: opening a FIFO must not wait for a writer.
  const FileDescriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status{};
  if (!opened.ok() || ::fstat(opened.number(), &status) != 0) return unreadable(ErrorText(errno));
  if (S_ISDIR(status.st_mode)) return unreadable(ErrorText(EISDIR));
  if (!S_ISREG(status.st_mode)) return unreadable("not a regular file");
  auto text = ReadAll(opened.number(), kMaxBytes);
  if (!text) return unreadable(ErrorText(errno));
  if (text->size() > kMaxBytes) return Wrong(file.name(), ": it has more than 1 MiB");
  file.text = *std::move(text);
  return file;
}

absl::Status CheckCertificates(const PemFile& file) { return ReadCertificates(file).status(); }

absl::StatusOr<std::chrono::system_clock::time_point> FirstExpiry(const PemFile& file) {
  const auto certificates = ReadCertificates(file);
  if (!certificates.ok()) return certificates.status();
  auto first = std::chrono::system_clock::time_point::max();
  for (const Certificate& certificate : *certificates) {
    first = std::min(first, ToTimePoint(X509_get0_notAfter(certificate.get())));
  }
  return first;
}

absl::Status CheckPair(const PemFile& certificate, const PemFile& key) {
  const auto certificates = ReadCertificates(certificate);
  if (!certificates.ok()) return certificates.status();
  const auto private_key = ReadKey(key);
  if (!private_key.ok()) return private_key.status();
  X509* const own = certificates->front().get();
  if (X509_check_private_key(own, private_key->get()) != 1) {
    return Wrong(key.name(), ": this key does not belong to the certificate in ", certificate.name());
  }
  if (X509_cmp_current_time(X509_get0_notBefore(own)) > 0) {
    return Wrong(certificate.name(), ": the certificate is not valid before ", ToText(X509_get0_notBefore(own)),
                 "; is the clock right?");
  }
  if (X509_cmp_current_time(X509_get0_notAfter(own)) < 0) {
    return Wrong(certificate.name(), ": the certificate expired on ", ToText(X509_get0_notAfter(own)));
  }
  return absl::OkStatus();
}

absl::Status CheckRevocationLists(std::string_view option, const std::string& directory, const PemFile& ca) {
  const std::string name = absl::StrCat(std::string(option), " ", directory);
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) return Wrong(name, ": it is not a folder");
  const auto authorities = ReadCertificates(ca);
  if (!authorities.ok()) return authorities.status();
  for (const Certificate& authority : *authorities) {
    const X509_NAME* const subject = X509_get_subject_name(authority.get());
    const auto found = HasRevocationList(std::string(option), directory, subject);
    if (!found.ok()) return found.status();
    if (!*found) {
      return Wrong(name, ": there is no revocation list of ", ToText(subject), ", which is in ", ca.name(),
                   "; put it there as a .pem file, and run: openssl rehash ", directory);
    }
  }
  return absl::OkStatus();
}

}  // namespace probegate
