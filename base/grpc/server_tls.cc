#include "base/grpc/server_tls.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_credentials_options.h>

#include "absl/strings/str_cat.h"
#include "base/grpc/pem.h"
#include "base/start_thread.h"

namespace probegate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLook{1};

// Differs whenever the content of the file may have changed. Follows symbolic links.
std::string LookAt(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return path + " is missing\n";
  return absl::StrCat(path, " ", status.st_dev, " ", status.st_ino, " ", status.st_size, " ", status.st_mtim.tv_sec,
                      ".", status.st_mtim.tv_nsec, " ", status.st_ctim.tv_sec, ".", status.st_ctim.tv_nsec, "\n");
}

std::string LookAt(const ServerTlsFiles& files) {
  std::string all;
  for (const std::string& path : {files.certificate, files.key, files.client_ca}) {
    if (!path.empty()) all += LookAt(path);
  }
  if (files.crl_directory.empty()) return all;
  std::vector<std::string> lists;
  std::error_code error;
  for (std::filesystem::directory_iterator file(files.crl_directory, error), end; !error && file != end;
       file.increment(error)) {
    lists.push_back(LookAt(file->path()));
  }
  std::sort(lists.begin(), lists.end());
  for (const std::string& list : lists) all += list;
  return all;
}

// What the files say now, without a version.
absl::StatusOr<ServerTls::Current> Read(const ServerTlsFiles& files) {
  const auto certificate = ReadPemFile("--tls-cert", files.certificate);
  if (!certificate.ok()) return certificate.status();
  const auto key = ReadPemFile("--tls-key", files.key);
  if (!key.ok()) return key.status();
  if (absl::Status status = CheckPair(*certificate, *key); !status.ok()) return status;
  const auto expiry = FirstExpiry(*certificate);
  if (!expiry.ok()) return expiry.status();
  std::string authorities;
  if (!files.client_ca.empty()) {
    auto ca = ReadPemFile("--tls-client-ca", files.client_ca);
    if (!ca.ok()) return ca.status();
    if (absl::Status status = CheckCertificates(*ca); !status.ok()) return status;
    if (!files.crl_directory.empty()) {
      absl::Status status = CheckRevocationLists("--tls-crl-dir", files.crl_directory, *ca);
      if (!status.ok()) return status;
    }
    authorities = std::move(ca->text);
  }
  using grpc::experimental::IdentityKeyCertPair;
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
          authorities,
          std::vector<IdentityKeyCertPair>{{.private_key = key->text, .certificate_chain = certificate->text}}));
  options.watch_identity_key_cert_pairs();
  if (!authorities.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(files.client_required ? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
                                                        : GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    if (!files.crl_directory.empty()) options.set_crl_directory(files.crl_directory);
  }
  return ServerTls::Current{.credentials = grpc::experimental::TlsServerCredentials(options), .expiry = *expiry};
}

}  // namespace

ServerTls::ServerTls(ServerTlsFiles files, OnChange on_change)
    : files_(std::move(files)), on_change_(std::move(on_change)) {}

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Start(ServerTlsFiles files, OnChange on_change) {
  std::unique_ptr<ServerTls> tls(new ServerTls(std::move(files), std::move(on_change)));
  if (absl::Status status = tls->Load(); !status.ok()) return status;
  const absl::Status started =
      StartThread(tls->thread_, "watching the files of TLS", [self = tls.get()] { self->Run(); });
  if (!started.ok()) return started;
  return tls;
}

ServerTls::~ServerTls() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

// Looks before it reads, so that a change in between is seen the next time.
absl::Status ServerTls::Load() {
  seen_ = LookAt(files_);
  auto now = Read(files_);
  if (!now.ok()) return now.status();
  MutexLock lock(mutex_);
  now->version = current_.version + 1;
  current_ = *std::move(now);
  return absl::OkStatus();
}

void ServerTls::Run() {
  for (;;) {
    {
      MutexLock lock(mutex_);
      const auto next = Clock::now() + kLook;
      while (!stopping_ && Clock::now() < next) changed_.WaitUntil(mutex_, next);
      if (stopping_) return;
    }
    if (LookAt(files_) != seen_) on_change_(Load());
  }
}

ServerTls::Current ServerTls::current() const {
  MutexLock lock(mutex_);
  return current_;
}

}  // namespace probegate
