"""Azure OpenAI's realtime API: OpenAI's protocol under the resource's own address, in two forms."""
