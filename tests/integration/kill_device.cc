// A device that records and syncs at the same time until it is killed:
//
//   kill_device DIR NAME HOST:PORT
//
// After each acknowledged append it writes "COUNT INTENT_ID\n" to stdout, in one write. It records
// in single appends and in batches, until it is told to end (SIGTERM). When an append fails it
// writes "failed\n" once, why to stderr, and tries on.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>

#include "client/client.h"
#include "client/wire/grpc_connector.h"
#include "eventlog/runtime/check.h"
#include "eventlog/runtime/text.h"
#include "projections/views/commerce_views.h"
#include "proto/commerce.pb.h"

namespace intentlog {
namespace {

std::atomic<bool> told_to_end = false;

commerce::OrderLineAdded Line(const std::string& device, uint64_t number) {
  commerce::OrderLineAdded line;
  line.set_order_id(Cat(device, "-", number / 20));
  line.set_product_id(Cat("product-", number % 97));
  line.set_quantity(1);
  line.set_unit_price_micros(1'000'000);
  line.set_sold_at_us(1'300'000'000'000'000);
  return line;
}

bool Tell(const std::string& text) {
  return write(STDOUT_FILENO, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

absl::Status Record(Client& client, const std::string& device) {
  bool failed = false;
  for (uint64_t number = client.Status().counts.recorded; !told_to_end;) {
    std::vector<commerce::OrderLineAdded> lines;
    const uint64_t size = number % 3 == 0 ? 50 : 1;
    for (uint64_t i = 0; i < size; ++i) lines.push_back(Line(device, number++));
    std::vector<NewIntent> intents;
    for (const auto& line : lines) intents.push_back({&line, IntentId(), ""});
    const absl::StatusOr<std::vector<Appended>> done = client.AppendAll(intents);
    usleep(5000);  // the test is about kills, not about volume
    std::string text;
    if (done.ok()) {
      for (const Appended& one : *done) text += Cat(one.count, " ", ToText(one.intent_id), "\n");
    } else if (!failed) {
      text = "failed\n";
      failed = true;
      std::cerr << done.status() << "\n";
    }
    if (!text.empty() && !Tell(text)) return Unavailable("nobody reads");
  }
  client.StopSync();
  return absl::OkStatus();
}

absl::Status Main(const std::string& dir, const std::string& name, const std::string& address) {
  const auto executor = MakeThreadExecutor("device");
  const auto random = MakeSystemRandom();
  ClientOptions options;
  options.dir = dir;
  options.device = name;
  options.scopes = {name, "shared"};
  options.write_scope = name;
  options.schema = Schema::Compiled({commerce::OrderLineAdded::descriptor()->file()});
  options.projections = CommerceViews();
  options.runtime = {&SystemClock(), executor.get(), random.get()};
  options.retry_base = absl::Milliseconds(20);
  options.retry_cap = absl::Milliseconds(200);
  ASSIGN_OR_RETURN(const auto client, Client::Open(std::move(options)));
  GrpcConnector connector({.address = address}, *executor);
  RETURN_IF_ERROR(client->StartSync(connector));
  return Record(*client, name);
}

}  // namespace
}  // namespace intentlog

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  signal(SIGTERM, [](int) { intentlog::told_to_end = true; });
  const absl::Status status = intentlog::Main(argv[1], argv[2], argv[3]);
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
