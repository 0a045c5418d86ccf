#include "base/grpc/reflection.h"

#include <cstddef>
#include <set>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"

namespace probegate {
namespace {

namespace reflection = grpc::reflection::v1alpha;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// Names of symbols and files are far shorter, and the response contains the request.
constexpr size_t kMaxRequest = 4096;

void Fail(reflection::ServerReflectionResponse& response, grpc::StatusCode code, const std::string& why) {
  response.mutable_error_response()->set_error_code(code);
  response.mutable_error_response()->set_error_message(why);
}

// Adds `file`, and the files that it imports, each once.
void AddFile(const FileDescriptor& file, std::set<std::string>& added, reflection::FileDescriptorResponse& response) {
  if (!added.insert(file.name()).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  response.add_file_descriptor_proto(proto.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), added, response);
}

void Describe(const FileDescriptor* file, const std::string& name, reflection::ServerReflectionResponse& response) {
  if (file == nullptr) return Fail(response, grpc::StatusCode::NOT_FOUND, "not found: " + name);
  std::set<std::string> added;
  AddFile(*file, added, *response.mutable_file_descriptor_response());
}

void DescribeExtension(const reflection::ExtensionRequest& request, reflection::ServerReflectionResponse& response) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  const auto* const type = pool.FindMessageTypeByName(request.containing_type());
  const FieldDescriptor* const extension =
      type == nullptr ? nullptr : pool.FindExtensionByNumber(type, request.extension_number());
  Describe(extension == nullptr ? nullptr : extension->file(), request.containing_type(), response);
}

void ListExtensions(const std::string& name, reflection::ServerReflectionResponse& response) {
  const DescriptorPool& pool = *DescriptorPool::generated_pool();
  const auto* const type = pool.FindMessageTypeByName(name);
  if (type == nullptr) return Fail(response, grpc::StatusCode::NOT_FOUND, "not found: " + name);
  std::vector<const FieldDescriptor*> extensions;
  pool.FindAllExtensions(type, &extensions);
  auto& listed = *response.mutable_all_extension_numbers_response();
  listed.set_base_type_name(name);
  for (const FieldDescriptor* extension : extensions) listed.add_extension_number(extension->number());
}

class Reflection final : public reflection::ServerReflection::CallbackService {
 public:
  explicit Reflection(std::vector<std::string> services) : services_(std::move(services)) {}

  reflection::ServerReflectionResponse Answer(const reflection::ServerReflectionRequest& request) const {
    reflection::ServerReflectionResponse response;
    if (request.ByteSizeLong() > kMaxRequest) {
      Fail(response, grpc::StatusCode::INVALID_ARGUMENT, "the request is too long");
      return response;
    }
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    const DescriptorPool& pool = *DescriptorPool::generated_pool();
    switch (request.message_request_case()) {
      case reflection::ServerReflectionRequest::kFileByFilename:
        Describe(pool.FindFileByName(request.file_by_filename()), request.file_by_filename(), response);
        break;
      case reflection::ServerReflectionRequest::kFileContainingSymbol:
        Describe(pool.FindFileContainingSymbol(request.file_containing_symbol()), request.file_containing_symbol(),
                 response);
        break;
      case reflection::ServerReflectionRequest::kFileContainingExtension:
        DescribeExtension(request.file_containing_extension(), response);
        break;
      case reflection::ServerReflectionRequest::kAllExtensionNumbersOfType:
        ListExtensions(request.all_extension_numbers_of_type(), response);
        break;
      case reflection::ServerReflectionRequest::kListServices:
        for (const std::string& name : services_)
          response.mutable_list_services_response()->add_service()->set_name(name);
        break;
      case reflection::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
        Fail(response, grpc::StatusCode::INVALID_ARGUMENT, "the request names nothing to describe");
        break;
    }
    return response;
  }

 private:
  grpc::ServerBidiReactor<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>*
  ServerReflectionInfo(grpc::CallbackServerContext*) override;

  const std::vector<std::string> services_;
};

// One answer at a time: the next request is read once the answer to the previous one is written.
class ReflectionCall final
    : public grpc::ServerBidiReactor<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse> {
 public:
  explicit ReflectionCall(const Reflection& service) : service_(service) { StartRead(&request_); }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    response_ = service_.Answer(request_);
    StartWrite(&response_);
  }
  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 private:
  const Reflection& service_;
  reflection::ServerReflectionRequest request_;
  reflection::ServerReflectionResponse response_;
};

grpc::ServerBidiReactor<reflection::ServerReflectionRequest, reflection::ServerReflectionResponse>*
Reflection::ServerReflectionInfo(grpc::CallbackServerContext*) {
  return new ReflectionCall(*this);
}

}  // namespace

std::unique_ptr<grpc::Service> MakeReflection(std::vector<std::string> services) {
  return std::make_unique<Reflection>(std::move(services));
}

}  // namespace probegate
