"""A tiny random QwenImageLayeredPipeline, built without the hub: the oracle of the published denoising loop."""

from __future__ import annotations

from typing import Any

import torch

SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"),
]
LATENT_CHANNELS = 8  # not 4: the pipeline takes a picture of as many channels as the latent for a latent
TEXT_DIM = 16


def byte_symbols() -> list[str]:
    """The 256 characters by which GPT-2 style tokenizers write bytes: itself where printable, else 256 and up."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    other = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(other)) for byte in range(256)]


def tokenizer() -> Any:
    """Byte-level, no merges: 256 bytes and Qwen's special tokens."""
    from transformers import Qwen2Tokenizer

    vocab = {symbol: index for index, symbol in enumerate([*byte_symbols(), *SPECIAL])}
    result = Qwen2Tokenizer(
        vocab=vocab, merges=[], unk_token="<|endoftext|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    result.add_special_tokens({"additional_special_tokens": SPECIAL[1:]})
    return result


def text_encoder(tokens: Any) -> Any:
    """A two-block Qwen2.5-VL of width 16."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    ids = {name: tokens.convert_tokens_to_ids(name) for name in SPECIAL}
    text = {
        "vocab_size": len(tokens),
        "hidden_size": TEXT_DIM,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
        "bos_token_id": ids["<|endoftext|>"],
        "eos_token_id": ids["<|im_end|>"],
        "pad_token_id": ids["<|endoftext|>"],
    }
    vision = {
        "depth": 2,
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_heads": 2,
        "out_hidden_size": TEXT_DIM,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    return Qwen2_5_VLForConditionalGeneration(config).eval()


def pipeline(seed: int = 0, **schedule: Any) -> Any:
    """The whole pipeline with random weights; ``schedule`` goes to its scheduler."""
    import diffusers

    torch.manual_seed(seed)
    tokens = tokenizer()
    transformer = diffusers.QwenImageTransformer2DModel(
        in_channels=LATENT_CHANNELS * 4,
        out_channels=LATENT_CHANNELS,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=TEXT_DIM,
        axes_dims_rope=(8, 4, 4),
        use_layer3d_rope=True,
        use_additional_t_cond=True,
    )
    vae = diffusers.AutoencoderKLQwenImage(
        base_dim=8,
        z_dim=LATENT_CHANNELS,
        dim_mult=[1, 1, 2, 2],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        input_channels=4,
        latents_mean=[0.1 * i for i in range(LATENT_CHANNELS)],
        latents_std=[1.0 + 0.1 * i for i in range(LATENT_CHANNELS)],
    )
    result = diffusers.QwenImageLayeredPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(**schedule),
        vae=vae,
        text_encoder=text_encoder(tokens),
        tokenizer=tokens,
        processor=None,
        transformer=transformer,
    )
    result.set_progress_bar_config(disable=True)
    return result
