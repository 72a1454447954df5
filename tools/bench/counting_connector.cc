#include "tools/bench/counting_connector.h"

#include <string>
#include <utility>

#include "proto/sync.pb.h"

namespace intentlog::bench {
namespace {

// A frame has one field, whose number comes first: no need to read all of it.
bool BeginsSnapshot(const std::string& frame) {
  constexpr int kTypeBits = 3;
  return !frame.empty() &&
         static_cast<uint8_t>(frame[0]) >> kTypeBits == ServerFrame::kSnapshotHeadFieldNumber;
}

}  // namespace

class CountingConnector::Counted final : public Channel, public ChannelListener {
 public:
  Counted(CountingConnector& counter, ChannelListener& listener)
      : counter_(counter), listener_(listener), channel_(counter.under_.Connect(*this)) {}

  void Send(std::string bytes) override { channel_->Send(std::move(bytes)); }
  size_t unsent_bytes() const override { return channel_->unsent_bytes(); }
  void Close() override { channel_->Close(); }

  void OnFrame(std::string bytes) override {
    counter_.bytes_ += bytes.size();
    if (BeginsSnapshot(bytes)) ++counter_.snapshots_;
    listener_.OnFrame(std::move(bytes));
  }
  void OnWritable() override { listener_.OnWritable(); }
  void OnClosed(const absl::Status& status) override { listener_.OnClosed(status); }

 private:
  CountingConnector& counter_;
  ChannelListener& listener_;
  const std::unique_ptr<Channel> channel_;
};

std::unique_ptr<Channel> CountingConnector::Connect(ChannelListener& listener) {
  return std::make_unique<Counted>(*this, listener);
}

}  // namespace intentlog::bench
